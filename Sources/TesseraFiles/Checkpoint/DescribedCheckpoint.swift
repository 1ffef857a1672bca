import TesseraSystem

/// A model that is described and has no file: its tensors have names, types and shapes, and no bytes.
package struct DescribedCheckpoint: Checkpoint {
  package let path: String
  package let tensors: [StoredTensor]
  /// The keys and values that a GGUF file of the model would have.
  package let metadata: Metadata

  private let indexes: [String: Int]

  /// - Parameter name: what messages call it.
  /// - Throws: `FileError` `.malformed` where two tensors have one name.
  package init(name: String, metadata: [String: MetadataValue], tensors: [StoredTensor]) throws(FileError) {
    path = name
    self.tensors = tensors
    self.metadata = Metadata(metadata, of: name)
    var indexes: [String: Int] = [:]
    for (index, tensor) in tensors.enumerated() where indexes.updateValue(index, forKey: tensor.name) != nil {
      throw FileError(.malformed, path: name, "the tensor \(FileError.quoted(tensor.name)) is described twice")
    }
    self.indexes = indexes
  }

  package var hasData: Bool { false }

  package func tensor(named name: String) -> StoredTensor? { indexes[name].map { tensors[$0] } }

  package func bytes(of tensor: StoredTensor) throws(FileError) -> UnsafeRawBufferPointer {
    throw FileError(
      .outOfRange, path: path, "the tensor \(FileError.quoted(tensor.name)) is only described and has no bytes")
  }

  package func release(_ tensor: StoredTensor) {}
}
