import Foundation
import Inference
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

    @Test("A watcher sees the present status, each change, and the end")
    func watching() async throws {
        let state = ServingState()
        var statuses = state.statuses().makeAsyncIterator()
        #expect(await statuses.next() == .loading)
        state.begin(serving: try model())
        #expect(await statuses.next() == .serving)
        state.stop()
        #expect(await statuses.next() == .stopping)
        #expect(await statuses.next() == nil)
    }

    @Test("A watcher that comes after the stop sees it and the end")
    func watchingLate() async {
        let state = ServingState()
        state.stop()
        var statuses = state.statuses().makeAsyncIterator()
        #expect(await statuses.next() == .stopping)
        #expect(await statuses.next() == nil)
    }

    @Test("A slow watcher misses all but the latest")
    func slowWatcher() async throws {
        let state = ServingState()
        let stream = state.statuses()
        state.begin(serving: try model())
        state.stop()
        var seen: [ServingState.Status] = []
        for await status in stream { seen.append(status) }
        #expect(seen == [.stopping])
    }

    @Test("A cancelled watcher ends, and the others go on")
    func cancelledWatcher() async throws {
        let state = ServingState()
        var other = state.statuses().makeAsyncIterator()
        _ = await other.next()
        let watcher = Task {
            for await _ in state.statuses() {}
            return true
        }
        watcher.cancel()
        #expect(await watcher.value)
        state.begin(serving: try model())
        #expect(await other.next() == .serving)
    }
}
