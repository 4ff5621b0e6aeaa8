import Pickle

/// A node of skops' schema: an object that says of which class a value is, how it is loaded, and what it consists of.
struct SkopsNode {
    let place: SchemaText.Value
    /// Offset in the schema, in bytes.
    let offset: Int
    /// The value's class, or a function's own name. A node that was cached has none.
    let name: PythonName
    /// The kind of node, for example `DictNode`.
    let loader: String
    /// What the value consists of, in a form of the loader's own.
    private(set) var content: SchemaText.Value?
    /// A number of the object, by which a `CachedNode` refers to it.
    private(set) var number: Int?
    /// A dictionary's list of its keys' classes.
    private(set) var keyTypes: SchemaText.Value?
    /// What an instance's class was called with is a part of this.
    private(set) var reduce: SchemaText.Value?
    /// An array's kind, the file with its elements, or its shape.
    private(set) var type: String?
    private(set) var file: String?
    private(set) var shape: SchemaText.Value?

    /// - Throws: `PickleError` if the value at a place is no node.
    init(_ place: SchemaText.Value, in schema: SchemaText) throws(PickleError) {
        var (loader, module, name): (String?, String?, String?) = (nil, nil, nil)
        for member in schema.members(place) {
            let value = member.value
            if schema.isString(member.name, "__class__") {
                name = schema.string(value)
            } else if schema.isString(member.name, "__module__") {
                module = schema.string(value)
            } else if schema.isString(member.name, "__loader__") {
                loader = schema.string(value)
            } else if schema.isString(member.name, "content") {
                content = value
            } else if schema.isString(member.name, "__id__") {
                number = schema.integer(value)
            } else if schema.isString(member.name, "key_types") {
                keyTypes = value
            } else if schema.isString(member.name, "__reduce__") {
                reduce = value
            } else if schema.isString(member.name, "type") {
                type = schema.string(value)
            } else if schema.isString(member.name, "file") {
                file = schema.string(value)
            } else if schema.isString(member.name, "shape") {
                shape = value
            }
        }
        self.place = place
        offset = schema.offset(place)
        guard let loader else {
            throw PickleError(
                offset: offset, reason: .unexpected(found: "a value without a loader", expected: "a node of skops"))
        }
        self.loader = loader
        self.name = PythonName(module: module ?? "", name: name ?? "")
    }
}
