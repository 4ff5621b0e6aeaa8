import Testing

/// As `#expect`, for what changes its receiver, which the macro can't take apart.
func expect(_ isTrue: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(isTrue, sourceLocation: sourceLocation)
}
