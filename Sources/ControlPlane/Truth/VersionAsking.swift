import DataPlane

/// Asks the endpoints of a color for their version. Tests substitute their own.
package protocol VersionAsking: Sendable {
    /// Never throws: an endpoint that doesn't answer says nothing. The answer comes within ``VersionInquiry/patience``.
    ///
    /// - Parameter expected: says whom to ask: of a server with several models, one is asked for.
    func versions(of color: Color, expecting expected: ExpectedVersion) async -> ColorVersions
}
