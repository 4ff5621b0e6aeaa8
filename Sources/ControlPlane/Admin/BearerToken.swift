/// The secret that clients of the admin API must show (RFC 6750), and the name that stands for it in history and audit
/// log.
package struct BearerToken: Sendable {
    /// The token's name, which receipts and logs show.
    package let name: String
    private let secret: [UInt8]

    /// - Parameters:
    ///   - name: what stands for the token wherever the secret must not be shown, such as its file's name.
    ///   - secret: at least one character, without white space and control characters.
    /// - Returns: `nil` for a secret that could never be sent.
    package init?(name: String, secret: some StringProtocol) {
        guard !secret.isEmpty, secret.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
        self.name = name
        self.secret = Array(secret.utf8)
    }

    /// Whether an `Authorization` field shows this token.
    ///
    /// The time this takes depends only on the length of the field.
    package func matches(authorization: String) -> Bool {
        let scheme = "bearer "
        guard authorization.utf8.count > scheme.utf8.count,
            authorization.prefix(scheme.count).lowercased() == scheme
        else { return false }
        let shown = Array(authorization.utf8.dropFirst(scheme.utf8.count))
        var difference = UInt(bitPattern: shown.count ^ secret.count)
        for (index, byte) in shown.enumerated() {
            difference |= UInt(byte ^ secret[index % secret.count])
        }
        return difference == 0
    }
}
