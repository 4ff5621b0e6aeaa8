import HTTP1
import HTTPTypes

/// Decides who may use the admin API.
///
/// With a token, every request that carries it is admitted. Without one the API listens on the loopback only, where a
/// web page in the user's browser could still reach it: a request is refused if a page of another origin sent it, or if
/// it names a host that an attacker has pointed at the loopback (DNS rebinding).
struct AdminGuard: Sendable {
    var token: BearerToken?

    /// - Returns: who asks: the token's name or the peer's address.
    /// - Throws: `AdminError` 401 or 403.
    func admit(_ request: Request) throws(AdminError) -> String {
        if let origin = request.headers[.origin], !isSame(origin, request.head.authority) {
            throw AdminError(.forbidden, "requests from pages of another origin are refused: \(origin)")
        }
        guard let token else {
            if let authority = request.head.authority, !isLoopbackOrAddress(authority) {
                throw AdminError(
                    .forbidden, "without a token the admin API answers under an address or localhost, not \(authority)")
            }
            return request.peer
        }
        guard let authorization = request.headers[.authorization] else {
            throw AdminError(
                .unauthorized, "this needs a bearer token", headers: [.wwwAuthenticate: "Bearer realm=\"sluice\""])
        }
        guard token.matches(authorization: authorization) else {
            throw AdminError(
                .unauthorized, "the bearer token is not the right one",
                headers: [.wwwAuthenticate: "Bearer realm=\"sluice\", error=\"invalid_token\""])
        }
        return token.name
    }

    private func isSame(_ origin: String, _ authority: String?) -> Bool {
        guard let authority else { return false }
        return origin == "http://\(authority)" || origin == "https://\(authority)"
    }

    private func isLoopbackOrAddress(_ authority: String) -> Bool {
        if authority.hasPrefix("[") { return true }
        let host = authority.prefix { $0 != ":" }.lowercased()
        return host == "localhost" || host.hasSuffix(".localhost")
            || host.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
    }
}
