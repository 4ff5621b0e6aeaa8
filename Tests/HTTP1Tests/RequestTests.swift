import HTTP1
import HTTPTypes
import Testing

@Suite struct RequestTests {
    @Test(
        arguments: [
            ("/switch", "/switch", nil), ("/switch?to=green&a=?", "/switch", "to=green&a=?"), ("/a?", "/a", ""),
            ("/a#b?c", "/a", nil), ("/a?b#c", "/a", "b"), ("", "", nil), ("*", "*", nil),
        ] as [(String, String, String?)]) func pathAndQuery(target: String, path: String, query: String?)
    {
        let request = Request(head: HTTPRequest(method: .get, scheme: "http", authority: nil, path: target))
        #expect(request.path == path)
        #expect(request.query == query)
    }
}
