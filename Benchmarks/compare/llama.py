"""llama.cpp through its C interface: no sampling, no text, no copy of logits."""

import os
import random
import sys
import time

import llama_cpp


class LlamaCpp:
    """A loaded model, and a context for `sequences` sequences of so many tokens each."""

    def __init__(self, path, threads, prompt, generated, sequences=1):
        quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(quiet, None)
        self.quiet = quiet  # the library keeps only a pointer to it
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(
            os.fsencode(path), llama_cpp.llama_model_default_params()
        )
        if not self.model:
            sys.exit(f"error: {path}: llama.cpp could not load it")
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = (prompt + generated) * sequences
        options.n_seq_max = sequences
        options.n_threads = options.n_threads_batch = threads
        options.swa_full = False
        self.context = llama_cpp.llama_init_from_model(self.model, options)
        if not self.context:
            sys.exit("error: llama.cpp could not make a context")
        vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.tokens = random.Random(0).choices(range(vocabulary), k=max(prompt, generated))

    def close(self):
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)

    def run(self, batch):
        if llama_cpp.llama_decode(self.context, batch) != 0:
            sys.exit("error: llama.cpp could not decode a batch")
        llama_cpp.llama_synchronize(self.context)

    def decode(self, tokens):
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        self.run(llama_cpp.llama_batch_get_one(array, len(tokens)))

    def clear(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def rate(self, count, batch):
        """Tokens per second for `count` tokens from an empty cache, `batch` at a time."""
        self.clear()
        start = time.perf_counter()
        for first in range(0, count, batch):
            self.decode(self.tokens[first : min(first + batch, count)])
        return count / (time.perf_counter() - start)

    def measure(self, prompt, generated):
        self.rate(prompt, prompt)
        prefill = self.rate(prompt, prompt)
        self.rate(1, 1)
        return prefill, self.rate(generated, 1)

    def rate_together(self, count, sequences):
        """Tokens per second of all, for `count` tokens of each of `sequences` sequences that are decoded together."""
        self.clear()
        batch = llama_cpp.llama_batch_init(sequences, 0, 1)
        batch.n_tokens = sequences
        start = time.perf_counter()
        for position in range(count):
            for index in range(sequences):
                batch.token[index] = self.tokens[position]
                batch.pos[index] = position
                batch.n_seq_id[index] = 1
                batch.seq_id[index][0] = index
                batch.logits[index] = True
            self.run(batch)
        seconds = time.perf_counter() - start
        llama_cpp.llama_batch_free(batch)
        return count * sequences / seconds
