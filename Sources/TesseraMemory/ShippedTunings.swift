/// Tunings that come with Tessera, made by `tessera tune --json` on the drivers that it is tested with.
public enum ShippedTunings {
  public static let entries: [TuningDatabase.Entry] = []
}
