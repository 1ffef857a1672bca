/// The version of this library, and of the command.
public enum TesseraVersion {
  public static let text = "0.1.0"
}
