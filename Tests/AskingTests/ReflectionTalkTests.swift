import Asking
import HTTP2
import Serving
import Testing

@Suite struct ReflectionTalkTests {
    private typealias Answers = DescriptorCollectionTests

    private let server = ServingSession()
    private let talk: ReflectionTalk

    init() {
        let contact = Contact(
            host: "h", port: 1, connectTimeout: .seconds(1), requestTimeout: .seconds(1), userAgent: "test")
        talk = ReflectionTalk(CallSession(contact))
    }

    private func say(_ message: [UInt8]? = nil, status: Int? = nil) throws {
        server.answer(try #require(server.streams.last), message: message, status: status)
        try server.exchange(with: talk.session)
    }

    @Test func asksUntilItKnowsEverything() throws {
        try server.exchange(with: talk.session)
        #expect(server.streams.map(\.path) == ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"])
        try say(Answers.services("pkg.A"))
        let a = Answers.file("a.proto", services: ["A"])
        try say(Answers.files(a))
        #expect(talk.result == .success(ProtobufText.field(1, a)))
        #expect(!talk.isOver)
        #expect(server.streams[0].hasEnded)
        try say(status: 0)
        #expect(talk.isOver)
        #expect(talk.result == .success(ProtobufText.field(1, a)))
    }

    @Test func asksByTheOlderNameToo() throws {
        try server.exchange(with: talk.session)
        server.refuse(try #require(server.streams.last), status: 12)
        try server.exchange(with: talk.session)
        #expect(server.streams.last?.path == "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        #expect(talk.result == nil)
        server.refuse(try #require(server.streams.last), status: 12)
        try server.exchange(with: talk.session)
        #expect(talk.isOver)
        #expect(talk.result.map { "\($0)" }?.contains("gRPC status UNIMPLEMENTED") == true)
    }

    @Test func endsWithWhatIsWrong() throws {
        try server.exchange(with: talk.session)
        try say([0xff])
        #expect(talk.isOver)
        #expect(talk.result.map { "\($0)" }?.contains("an answer can't be read") == true)
        #expect(server.resets.count == 1)
    }

    @Test func needsAllAnswers() throws {
        try server.exchange(with: talk.session)
        try say(Answers.services("pkg.A"), status: 0)
        #expect(talk.isOver)
        #expect(talk.result.map { "\($0)" }?.contains("ended the call before its last answer") == true)
    }
}
