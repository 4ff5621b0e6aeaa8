import ControlPlane
import Testing

@Suite struct BearerTokenTests {
    private let token = BearerToken(name: "deploy", secret: "s3cret-token")!

    @Test(arguments: ["Bearer s3cret-token", "bearer s3cret-token", "BEARER s3cret-token"])
    func letsIn(field: String) {
        #expect(token.matches(authorization: field))
    }

    @Test(arguments: [
        "", "Bearer", "Bearer ", "Bearer s3cret-toke", "Bearer s3cret-token1", "Bearer  s3cret-token", "s3cret-token",
        "Basic s3cret-token", "Bearer s3cret-tokeN", "Bearer s3cret-tokens3cret-token", "Bearer x",
        "Bearer s3cret-token ",
    ])
    func keepsOut(field: String) {
        #expect(!token.matches(authorization: field))
    }

    @Test(arguments: ["", " ", "two words", "tab\t", "line\n", "n\u{0}l", "ключ"])
    func isSomethingThatCanBeSent(secret: String) {
        #expect(BearerToken(name: "deploy", secret: secret) == nil)
    }
}
