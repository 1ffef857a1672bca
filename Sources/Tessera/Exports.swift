import Jinja
import TesseraAudio
import TesseraCL
import TesseraFiles
import TesseraJSON
import TesseraMemory
import TesseraModels
import TesseraOperators
import TesseraSystem
import TesseraText

// What the library's functions take and give, of the modules below it: `import Tessera` is enough.

public typealias Tokenizer = TesseraText.Tokenizer
public typealias ChatTemplate = TesseraText.ChatTemplate
public typealias ChatMessage = TesseraText.ChatMessage
public typealias AudioSamples = TesseraAudio.AudioSamples
public typealias JSONValue = TesseraJSON.JSONValue
public typealias ModelProfile = TesseraModels.ModelProfile
public typealias DeviceProfile = TesseraCL.DeviceProfile
public typealias LoadProgress = TesseraModels.LoadProgress
public typealias ExpertStatistics = TesseraModels.ExpertStatistics
public typealias ExpertReads = TesseraModels.ExpertReads
public typealias MemoryPlan = TesseraMemory.MemoryPlan
public typealias KVEncoding = TesseraMemory.KVEncoding
public typealias WeightFormat = TesseraOperators.WeightFormat
public typealias Precision = TesseraOperators.Precision

// Errors of reading files, of texts and templates, of models that are not served, of memory, of the device's driver.
public typealias FileError = TesseraSystem.FileError
public typealias JSONError = TesseraJSON.JSONError
public typealias AudioError = TesseraAudio.AudioError
public typealias TextError = TesseraText.TextError
public typealias ChatError = TesseraText.ChatError
public typealias GrammarError = TesseraText.GrammarError
public typealias TemplateError = Jinja.TemplateError
public typealias ModelError = TesseraModels.ModelError
public typealias MemoryError = TesseraMemory.MemoryError
public typealias OperatorError = TesseraOperators.OperatorError
public typealias CLError = TesseraCL.CLError
