import Pickle

/// The categories of one feature that an encoder was fitted with, each known by its index.
struct Categories: Sendable {
    private enum Known: Sendable {
        case texts([ExactText: Int])
        /// Equal numbers are one category whatever their types, as in Python: 1, 1.0 and True.
        case numbers([Double: Int])
        /// Nothing but missing values: a feature of either kind.
        case nothing
    }

    private let known: Known
    /// The index of the category None, if there is one.
    private let none: Int?
    /// The index of the category NaN, if there is one.
    private let notANumber: Int?
    /// The number of categories, that of missing values included.
    let count: Int
    /// A value of one of the categories: the first that isn't missing, if there is one.
    let example: Features.Example

    /// - Parameter attribute: the attribute, for the error.
    init(_ value: PickledValue, of estimator: PickledEstimator, _ attribute: String) throws(ModelError) {
        let array = try estimator.array(value, of: attribute)
        let values: [PickledValue]
        switch array.elements {
        case .booleans(let booleans): values = booleans.map(PickledValue.boolean)
        case .integers(let integers): values = integers.map(PickledValue.integer)
        case .floats(let numbers): values = numbers.map(PickledValue.float)
        case .strings(let texts): values = texts.map(PickledValue.string)
        case .objects(let objects): values = objects
        }
        guard !values.isEmpty else { throw estimator.unusable(attribute, value, expected: "at least one category") }
        var texts: [ExactText: Int] = [:]
        var numbers: [Double: Int] = [:]
        var none: Int?
        var notANumber: Int?
        var example: Features.Example?
        for (index, category) in values.enumerated() {
            switch category {
            case .string(let text):
                texts[ExactText(text)] = texts[ExactText(text)] ?? index
                example = example ?? .text(text)
            case .none:
                none = none ?? index
            case .float(let number) where number.isNaN:
                notANumber = notANumber ?? index
            case .integer, .float, .boolean:
                let number = category.number ?? (category == .boolean(true) ? 1 : 0)
                numbers[number] = numbers[number] ?? index
                example = example ?? .number(number)
            default:
                throw estimator.unusable(attribute, category, expected: "text or a number as category")
            }
        }
        guard texts.isEmpty || numbers.isEmpty else {
            throw estimator.unusable(attribute, value, expected: "texts or numbers as categories, not both")
        }
        known = !texts.isEmpty ? .texts(texts) : !numbers.isEmpty ? .numbers(numbers) : .nothing
        self.none = none
        self.notANumber = notANumber
        count = values.count
        self.example = example ?? .number(.nan)
    }

    /// Whether the categories are texts.
    var areTexts: Bool {
        if case .texts = known { true } else { false }
    }

    /// The index of the category NaN, if it comes last, as scikit-learn sorts it.
    var lastMissing: Int? { notANumber == count - 1 ? notANumber : nil }

    /// A value that is no category.
    enum Unknown: Error {
        case category(String)
        case infinite(Double)
        case missing
        /// It is a number, and the categories are texts.
        case number
        /// It is text, and the categories are numbers.
        case text
    }

    /// The index of a number's category.
    func index(of number: Double) throws(Unknown) -> Int {
        guard case .numbers(let numbers) = known else {
            if number.isNaN, let missing = notANumber ?? none { return missing }
            if case .nothing = known { throw number.isNaN ? .missing : .category("\(number)") }
            throw .number
        }
        if let index = numbers[number] { return index }
        if number.isNaN {
            if let missing = notANumber ?? none { return missing }
            throw .missing
        }
        throw number.isInfinite ? .infinite(number) : .category("\(number)")
    }

    /// The index of a text's category; of missing values' category for nil.
    func index(of text: String?) throws(Unknown) -> Int {
        guard let text else {
            if let missing = none ?? notANumber { return missing }
            throw .missing
        }
        switch known {
        case .texts(let texts):
            if let index = texts[ExactText(text)] { return index }
            throw .category(quoted(text))
        case .nothing: throw .category(quoted(text))
        case .numbers: throw .text
        }
    }
}
