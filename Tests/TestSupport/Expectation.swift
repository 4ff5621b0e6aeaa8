import Testing

/// `#expect` for mutating calls, which don't compile inside the macro.
package func expect(_ isTrue: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(isTrue, sourceLocation: sourceLocation)
}
