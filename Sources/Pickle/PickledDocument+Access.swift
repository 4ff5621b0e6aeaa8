extension PickledDocument {
    /// The items of a tuple, or nil for anything else.
    package func tuple(_ value: PickledValue) -> [PickledValue]? {
        guard case .node(let identifier) = value, case .tuple(let items) = self[identifier] else { return nil }
        return items
    }

    /// The items of a set, or nil for anything else.
    package func set(_ value: PickledValue) -> [PickledValue]? {
        guard case .node(let identifier) = value, case .set(let items) = self[identifier] else { return nil }
        return items
    }

    /// The start, stop and step of a slice, or nil for anything else.
    package func slice(_ value: PickledValue) -> (start: PickledValue, stop: PickledValue, step: PickledValue)? {
        guard case .node(let identifier) = value, case .slice(let start, let stop, let step) = self[identifier] else {
            return nil
        }
        return (start, stop, step)
    }

    /// An array, or nil for anything else.
    package func array(_ value: PickledValue) -> NumpyArray? {
        guard case .node(let identifier) = value, case .array(let array) = self[identifier] else { return nil }
        return array
    }

    /// The name of a class or function by itself, or nil for anything else: for `numpy.log1p`, say, or `numpy.float64`.
    package func name(_ value: PickledValue) -> PythonName? {
        if case .global(.instanceClass(let name)) = value { return name }
        if case .name(let name)? = opaque(value) { return name }
        return nil
    }

    /// The members of a dictionary, or nil for anything else.
    package func dictionary(_ value: PickledValue) -> [PickledNode.Member]? {
        guard case .node(let identifier) = value else { return nil }
        return members(identifier)
    }

    /// The members of a dictionary, or nil for anything else.
    package func members(_ identifier: PickledNode.Identifier) -> [PickledNode.Member]? {
        guard case .dictionary(let members) = self[identifier] else { return nil }
        return members
    }

    /// The items of a list, or nil for anything else.
    package func list(_ value: PickledValue) -> [PickledValue]? {
        guard case .node(let identifier) = value, case .list(let items) = self[identifier] else { return nil }
        return items
    }

    /// The value of a string key in a dictionary; nil if the key is missing or the node is not a dictionary.
    package func member(_ key: String, of identifier: PickledNode.Identifier) -> PickledValue? {
        guard case .dictionary(let members) = self[identifier] else { return nil }
        return members.last { $0.key == .string(key) }?.value
    }

    /// A description of a value in a few words, for an error message: `a list of 3 items`.
    package func summary(of value: PickledValue) -> String {
        switch value {
        case .none: return "None"
        case .boolean(let boolean): return boolean ? "True" : "False"
        case .integer(let integer): return "the integer \(integer)"
        case .float(let number): return "the number \(number)"
        case .string(let string): return "the string \(quoted(string))"
        case .bytes(let bytes): return "\(bytes.count) bytes"
        case .global: return "a class or function"
        case .node(let identifier):
            switch self[identifier] {
            case .tuple(let items): return "a tuple of \(items.count) items"
            case .list(let items): return "a list of \(items.count) items"
            case .dictionary(let members): return "a dictionary of \(members.count) members"
            case .set(let items): return "a set of \(items.count) items"
            case .slice: return "a slice"
            case .array(let array): return "an array of shape \(array.shape)"
            case .records(let records): return "an array of \(records.count) records"
            case .dataType(let type): return "the data type \(type)"
            case .instance(let name, _): return "an instance of \(name)"
            case .joblibArray: return "a joblib array wrapper without its array"
            case .pandasArray: return "a pandas array without its state"
            case .opaque(let value): return value.description
            }
        }
    }
}
