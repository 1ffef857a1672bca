"""float64 references of the families' fixtures."""

import base64
import contextlib

import numpy
import torch
from torch.utils._python_dispatch import TorchDispatchMode

CONTINUATION = 12
MARGIN = 0.02  # between the likeliest and the second: what float32 may not turn around
VARIETY = 3  # different tokens in a continuation: a loop of one shows little
ROUTING_MARGIN = 1e-3
NARROW = (torch.float32, torch.bfloat16, torch.float16)


def array(tensor):
    """A tensor as its shape and its float32 values, little-endian, in base64."""
    values = tensor.detach().double().numpy().astype("<f4")
    return {"shape": list(values.shape), "float32": base64.b64encode(values.tobytes()).decode()}


class NoFloat32(TorchDispatchMode):
    """Fails where anything is computed in float32."""

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        for value in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(value, torch.Tensor) and value.dtype in NARROW:
                raise SystemExit(f"error: {function} gave {value.dtype}")
        return result


@contextlib.contextmanager
def float64_throughout():
    """transformers asks for float32 in norms, rotary angles and softmax by name; here that name means float64."""
    saved = torch.float32, torch.float, torch.Tensor.float, torch.Tensor.bfloat16
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.bfloat16 = torch.Tensor.double  # Falcon's ALiBi is in bfloat16
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float, torch.Tensor.bfloat16 = saved
        torch.set_default_dtype(saved[0])


def ids(count, vocabulary, seed):
    """Token ids past the special ones, with repetitions."""
    generator = numpy.random.default_rng([seed, count, vocabulary])
    return generator.integers(3, vocabulary - 1, size=count).tolist()


def greedy(logits_of, prompt):
    """CONTINUATION greedy tokens (end tokens are passed over) and each step's margin."""
    tokens, margins = list(prompt), []
    for _ in range(CONTINUATION):
        last = logits_of(tokens)[-1]
        best = last.topk(2)
        tokens.append(int(best.indices[0]))
        margins.append(float(best.values[0] - best.values[1]))
    return tokens[len(prompt) :], [round(margin, 5) for margin in margins]


def check_continuation(where, generated, margins):
    if min(margins) < MARGIN or len(set(generated)) < VARIETY:
        raise ValueError(f"{where}: {generated}, the least margin {min(margins)}: take another seed")


def decoder(model, instance):
    vocabulary = model.config["vocab_size"]
    prompts = []
    for count in (1, 7, 40):
        tokens = ids(count, vocabulary, model.seed)

        def logits_of(tokens):
            return instance(torch.tensor([tokens]), use_cache=False).logits[0]

        with experts_counted(instance) as counts:
            log_probabilities = torch.log_softmax(logits_of(tokens), dim=-1)
        generated, margins = greedy(logits_of, tokens)
        check_continuation(f"{model.name}, {count} tokens", generated, margins)
        prompt = {"tokens": tokens, "generated": generated, "margins": margins}
        rope = getattr(instance.config, "rope_parameters", None) or {}
        short = rope.get("original_max_position_embeddings") if rope.get("rope_type") == "longrope" else None
        if short and count + CONTINUATION <= short:
            # transformers takes the short factors here: those of a model that is run with such a context.
            prompt["context"] = short
        if counts:
            prompt["tokens_per_expert"] = counts
        prompts.append(prompt | {"log_probabilities": array(log_probabilities)})
    return {"prompts": prompts}


@contextlib.contextmanager
def experts_counted(instance):
    """For each layer with experts, how many tokens each got."""
    counts, hooks = [], []

    def hook(module, _, output):
        logits, _, chosen = output
        counts.append(torch.bincount(chosen.flatten(), minlength=logits.shape[-1]).tolist())
        ranked = logits.sort(dim=-1, descending=True).values
        gap = float((ranked[:, module.top_k - 1] - ranked[:, module.top_k]).min())
        if gap < ROUTING_MARGIN:
            raise ValueError(f"experts {gap} apart: take another seed")

    for module in instance.modules():
        if type(module).__name__.endswith("TopKRouter"):
            hooks.append(module.register_forward_hook(hook))
    try:
        yield counts
    finally:
        for handle in hooks:
            handle.remove()


def encoder_decoder(model, instance):
    vocabulary = model.config["vocab_size"]
    pairs = []
    for sources, targets in ((1, 1), (5, 4), (23, 11)):
        source = ids(sources, vocabulary, model.seed)
        start = model.config["decoder_start_token_id"]
        target = [start] + ids(targets + 40, vocabulary, model.seed)[: targets - 1]

        def logits_of(target):
            return instance(
                input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([target]), use_cache=False
            ).logits[0]

        encoded = instance.get_encoder()(torch.tensor([source])).last_hidden_state[0]
        generated, margins = greedy(logits_of, [start])
        check_continuation(f"{model.name}, {sources} tokens", generated, margins)
        pairs.append({
            "source": source, "target": target, "generated": generated, "margins": margins,
            "encoder_hidden_states": array(encoded),
            "log_probabilities": array(torch.log_softmax(logits_of(target), dim=-1)),
        })
    return {"pairs": pairs}


def encoder(model, instance):
    base = getattr(instance, instance.base_model_prefix, instance)
    segment_count = model.config.get("type_vocab_size", 0)
    texts = []
    for count, second in ((1, None), (6, None), (33, None), (33, 17)):
        tokens = ids(count, model.config["vocab_size"], model.seed)
        if second is not None and segment_count < 2:
            tokens.reverse()
        segments = [int(second is not None and segment_count > 1 and position >= second) for position in range(count)]
        inputs = {"input_ids": torch.tensor([tokens])}
        if segment_count > 0:
            inputs["token_type_ids"] = torch.tensor([segments])
        hidden = base(**inputs).last_hidden_state[0]
        text = {
            "tokens": tokens, "token_types": segments, "hidden_states": array(hidden),
            "mean": array(torch.nn.functional.normalize(hidden.mean(0), dim=0)),
            "cls": array(torch.nn.functional.normalize(hidden[0], dim=0)),
        }
        if base is not instance:
            logits = instance(**inputs).logits
            text["scores"] = array(logits.reshape(-1, logits.shape[-1]))
        texts.append(text)
    return {"texts": texts}


def reference(model, instance, kind=None):
    """The reference of an instance in float64; ValueError where a near-tie makes the seed unfit."""
    if kind:
        pass
    elif instance.config.is_encoder_decoder:
        kind = encoder_decoder
    else:
        kind = decoder if instance.get_output_embeddings() is not None else encoder
    with float64_throughout(), torch.no_grad(), NoFloat32():
        return kind(model, instance)
