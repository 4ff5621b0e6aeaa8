import FoundationEssentials
import GRPCServer
import Reflection
import SwiftProtobuf
import Testing

@Suite struct ReflectionServiceTests {
    typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
    typealias Answer = Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse

    private func service() throws -> ReflectionService {
        var file = Google_Protobuf_FileDescriptorProto()
        file.name = "zoo.proto"
        file.package = "zoo"
        file.service = [.with { $0.name = "Keeper" }, .with { $0.name = "Unserved" }]
        file.messageType = [.with { $0.name = "Animal" }]
        file.extension = [
            .with {
                $0.name = "legs"
                $0.extendee = ".zoo.Animal"
                $0.number = 7
            }
        ]
        return try ReflectionService(descriptors: [try file.serializedBytes()], services: ["zoo.Keeper"])
    }

    private func ask(_ request: Request.OneOf_MessageRequest?) throws -> Answer? {
        try service().answer(.with { $0.messageRequest = request }).messageResponse
    }

    private func files(_ answer: Answer?) throws -> [String]? {
        guard case .fileDescriptorResponse(let response) = answer else { return nil }
        return try response.fileDescriptorProto.map {
            try Google_Protobuf_FileDescriptorProto(serializedBytes: $0).name
        }
    }

    private func error(_ answer: Answer?) -> (code: Int32, message: String)? {
        guard case .errorResponse(let response) = answer else { return nil }
        return (response.errorCode, response.errorMessage)
    }

    @Test func listsTheServicesThatAreServed() throws {
        guard case .listServicesResponse(let list) = try ask(.listServices("anything")) else {
            Issue.record("another answer")
            return
        }
        #expect(
            list.service.map(\.name) == [
                "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection", "zoo.Keeper",
            ])
    }

    @Test func tellsFiles() throws {
        #expect(try files(ask(.fileByFilename("zoo.proto"))) == ["zoo.proto"])
        #expect(try files(ask(.fileContainingSymbol("zoo.Animal"))) == ["zoo.proto"])
        let wanted = Grpc_Reflection_V1_ExtensionRequest.with {
            $0.containingType = "zoo.Animal"
            $0.extensionNumber = 7
        }
        #expect(try files(ask(.fileContainingExtension(wanted))) == ["zoo.proto"])
    }

    @Test func tellsOfItself() throws {
        for (version, name) in zip(["v1", "v1alpha"], ReflectionService.names) {
            let file = "grpc/reflection/\(version)/reflection.proto"
            #expect(try files(ask(.fileContainingSymbol(name))) == [file])
            #expect(try files(ask(.fileByFilename(file))) == [file])
        }
    }

    @Test func tellsExtensionNumbers() throws {
        guard
            case .allExtensionNumbersResponse(let numbers) = try ask(.allExtensionNumbersOfType("zoo.Animal"))
        else {
            Issue.record("another answer")
            return
        }
        #expect(numbers.baseTypeName == "zoo.Animal" && numbers.extensionNumber == [7])
    }

    @Test func whatIsUnknownIsNotFoundAndNamed() throws {
        let nothing = Grpc_Reflection_V1_ExtensionRequest.with {
            $0.containingType = "zoo.Animal"
            $0.extensionNumber = 8
        }
        let questions: [(Request.OneOf_MessageRequest, String)] = [
            (.fileByFilename("other.proto"), "there is no file 'other.proto'"),
            (.fileContainingSymbol("zoo.Plant"), "no file declares 'zoo.Plant'"),
            (.fileContainingExtension(nothing), "'zoo.Animal' has no extension 8"),
            (.allExtensionNumbersOfType("zoo.Plant"), "there is no message 'zoo.Plant'"),
        ]
        for (question, message) in questions {
            let error = try error(ask(question))
            #expect(error?.code == 5 && error?.message == message)
        }
    }

    @Test func aQuestionForNothingIsInvalid() throws {
        let error = try error(ask(nil))
        #expect(error?.code == 3)
    }

    @Test func theQuestionComesBack() throws {
        // With a field that a later version may have.
        let bytes: [UInt8] = [0x0a, 1, 0x68, 0x22, 1, 0x78, 0x7a, 1, 0x21]
        let request = try Request(serializedBytes: bytes)
        let response = try service().answer(request)
        #expect(response.validHost == "h")
        #expect(response.originalRequest == request)
        let echoed: [UInt8] = try response.originalRequest.serializedBytes()
        #expect(echoed == bytes)
    }

    @Test func aServiceMustBeDeclared() {
        #expect(throws: ReflectionService.Flaw.undeclared(service: "zoo.Keeper")) {
            try ReflectionService(descriptors: [], services: ["zoo.Keeper"])
        }
    }

    @Test func isServedByBothNames() throws {
        #expect(
            try service().methods.map(\.name) == ReflectionService.names.map { "\($0)/ServerReflectionInfo" })
    }
}
