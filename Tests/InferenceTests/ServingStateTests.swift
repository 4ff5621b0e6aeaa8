import Foundation
import Inference
import Synchronization
import Testing

@Suite("Serving state")
struct ServingStateTests {
    private func model() throws -> ServedModel {
        let path = URL(filePath: #filePath).appending(path: "../../../models/v1.0.0/model.pkl").standardizedFileURL.path
        return try ServedModel.load(path: path, version: nil)
    }

    @Test("Nothing is served before the model is there, and the model stays while the process stops")
    func phases() throws {
        let state = ServingState()
        #expect(state.status == .loading)
        #expect(state.model == nil)
        state.begin(serving: try model())
        #expect(state.status == .serving)
        #expect(state.model?.version == "v1.0.0")
        state.stop()
        #expect(state.status == .stopping)
        #expect(state.model?.version == "v1.0.0")
    }

    @Test("Several models are served, one of them for those who can't name one, or none")
    func several() throws {
        let entries = try ["a", "b"].map { ModelRepository.Entry(name: $0, versions: [try model()]) }
        for (main, version) in [("b", "v1.0.0"), (nil, nil)] as [(String?, String?)] {
            let state = ServingState()
            state.begin(serving: ModelRepository(entries, main: main))
            #expect(state.status == .serving)
            #expect(state.repository?.entries.map(\.name) == ["a", "b"])
            #expect(state.model?.version == version)
        }
    }

    @Test("A model that comes too late does not undo the stop")
    func late() throws {
        let state = ServingState()
        state.stop()
        state.begin(serving: try model())
        #expect(state.status == .stopping)
    }

    @Test("A watcher is told the present status and each change, in order")
    func watching() throws {
        let state = ServingState()
        let told = Mutex<[ServingState.Status]>([])
        let watch = state.watch { status in told.withLock { $0.append(status) } }
        #expect(told.withLock { $0 } == [.loading])
        state.begin(serving: try model())
        state.stop()
        state.stop()
        #expect(told.withLock { $0 } == [.loading, .serving, .stopping])
        withExtendedLifetime(watch) {}
    }

    @Test("A watcher that has gone is told nothing, and the others are")
    func watcherThatHasGone() throws {
        let state = ServingState()
        let gone = Mutex(0)
        let there = Mutex(0)
        let watch = state.watch { _ in there.withLock { $0 += 1 } }
        _ = state.watch { _ in gone.withLock { $0 += 1 } }
        state.begin(serving: try model())
        #expect(gone.withLock { $0 } == 1)
        #expect(there.withLock { $0 } == 2)
        withExtendedLifetime(watch) {}
    }
}
