import TesseraSystem

/// Why a model file, a tensor file or a folder of them could not be read or written.
package typealias FileError = TesseraSystem.FileError
