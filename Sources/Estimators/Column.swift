/// One column of a table, as a data frame has it.
package struct Column: Sendable, Equatable {
    /// The name of the feature; nil if it only has a place.
    package let name: String?
    package let values: Values

    package enum Values: Sendable, Equatable {
        /// Numbers and booleans (as 0 and 1); NaN where a value is missing.
        case numbers([Double])
        /// Text; nil where a value is missing.
        case texts([String?])
    }

    package init(name: String?, values: Values) {
        self.name = name
        self.values = values
    }

    /// The number of rows.
    package var count: Int {
        switch values {
        case .numbers(let numbers): numbers.count
        case .texts(let texts): texts.count
        }
    }
}
