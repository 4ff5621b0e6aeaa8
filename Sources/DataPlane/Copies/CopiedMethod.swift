/// A method, and what the settings say of its calls.
struct CopiedMethod {
    /// Bytes of the longest path: what is longer is no method's, and would be kept with the report.
    private static let longestPath = 256

    let path: [UInt8]
    let name: String
    /// Whether its calls may be copied.
    let isCopied: Bool
    /// Whether the active color may be asked a second time.
    let isRepeated: Bool

    init(_ path: [UInt8], _ settings: CopySettings) {
        self.path = path
        let name = String(decoding: path, as: UTF8.self)
        self.name = name
        isCopied = path.count <= Self.longestPath && settings.methods.contains { $0.matches(name) }
        isRepeated = isCopied && settings.noiseMethods.contains { $0.matches(name) }
    }
}
