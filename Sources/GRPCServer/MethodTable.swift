/// The methods of a server, found by the path of a call.
package struct MethodTable: Sendable {
    /// One entry: the path's bytes, and the method's place in `methods`.
    private struct Entry: Sendable {
        let path: [UInt8]
        let place: Int
    }

    package let methods: [Method]
    /// By the length of the path, which tells most methods apart.
    private var byLength: [[Entry]] = []

    /// - Precondition: no two methods have the same name.
    package init(_ methods: [Method]) {
        self.methods = methods
        for (place, method) in methods.enumerated() {
            let path = Array("/\(method.name)".utf8)
            while byLength.count <= path.count { byLength.append([]) }
            precondition(!byLength[path.count].contains { $0.path == path }, "a method has one handler")
            byLength[path.count].append(Entry(path: path, place: place))
        }
    }

    /// The place of the method with a path; `nil` if there is none.
    package func find(_ path: UnsafeBufferPointer<UInt8>) -> Int? {
        guard path.count < byLength.count else { return nil }
        return byLength[path.count].first { unsafe path.elementsEqual($0.path) }?.place
    }

    /// The names of the services, each once, in the order of their methods.
    package var services: [String] {
        var seen: Set<String> = []
        return methods.map(\.service).filter { seen.insert($0).inserted }
    }
}
