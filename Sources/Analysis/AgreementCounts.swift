/// How often both colors gave the same answer to a copied call.
package struct AgreementCounts: Sendable, Codable, Equatable {
    /// Calls whose two answers were compared.
    package var compared: Int
    /// Those that differed, 0 to `compared`.
    package var disagreeing: Int

    package init(compared: Int = 0, disagreeing: Int = 0) {
        self.compared = compared
        self.disagreeing = disagreeing
    }
}
