/// A value from a pickle.
///
/// A value that Python shares between several places, or changes after it was made, is a node of the
/// ``PickledDocument``; any other is stored here in full.
package enum PickledValue: Sendable, Equatable {
    case none
    case boolean(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
    /// Python `bytes` or `bytearray`.
    case bytes(ArraySlice<UInt8>)
    /// A class or function by itself, before it is called.
    case global(PickledGlobal)
    /// A container, array or instance.
    case node(PickledNode.Identifier)
}

/// The classes and functions that the reader implements. The product of any other is a ``PickledNode/opaque(_:)``.
package enum PickledGlobal: Sendable, Hashable {
    /// `numpy…multiarray._reconstruct`: makes an empty array, to be filled by BUILD.
    case reconstructArray
    /// `numpy…numeric._frombuffer`: makes an array from bytes (protocol 5).
    case arrayFromBuffer
    /// `numpy…multiarray.scalar`: makes a number or string from a data type and bytes.
    case scalar
    /// `numpy.ndarray`.
    case arrayClass
    /// `numpy.dtype`.
    case dataTypeClass
    /// `joblib.numpy_pickle.NumpyArrayWrapper`: stands before array bytes that lie between the opcodes.
    case joblibArray
    /// `_codecs.encode`: how protocol 2 writes bytes, as Latin-1 text.
    case encodeText
    /// `bytes`: how protocol 2 writes empty bytes.
    case bytesClass
    /// `bytearray`: how protocols 2 to 4 write bytes that can change, from bytes or from Latin-1 text.
    case byteArrayClass
    /// `collections.OrderedDict` and `collections.defaultdict`, which are read as dictionaries.
    case orderedDictionaryClass
    case defaultDictionaryClass
    /// `set` or `frozenset`: how protocols 2 and 3 write sets.
    case setClass
    /// `slice`: a range of columns or rows.
    case sliceClass
    /// `copyreg._reconstructor` and `copyreg.__newobj__`: make an instance of the class that is their first argument.
    case reconstructor
    case newObject
    /// `pandas.core.indexes.base._new_Index`: makes the names of columns, which are read as an array.
    case pandasIndex
    /// `pandas._libs.arrays.__pyx_unpickle_NDArrayBacked`: makes an array of text, to be filled by BUILD.
    case pandasArray
    /// A class that the reader's caller allows, or ``SparseMatrix/classes``; it is not run, but its attributes are kept.
    case instanceClass(PythonName)
}

/// A container, array or instance from a pickle. Few of its cases are large, and those are indirect: a file may have
/// millions of nodes.
package enum PickledNode: Sendable, Equatable {
    case tuple([PickledValue])
    case list([PickledValue])
    /// In the order of the file; if keys are equal, the last one counts.
    case dictionary([Member])
    /// In the order of the file; equal items may occur.
    case set([PickledValue])
    /// A `slice` with its start, stop and step, each an integer, a text or None.
    indirect case slice(PickledValue, PickledValue, PickledValue)
    case array(NumpyArray)
    /// An array of records with named fields.
    indirect case records(NumpyRecords)
    case dataType(NumpyDataType)
    /// An instance of an allowed class. `attributes` is the dictionary of its state, once BUILD has set it. What its
    /// class was called with is told by ``PickledDocument/arguments(of:)``.
    case instance(class: PythonName, attributes: Identifier?)
    /// A joblib array wrapper before its BUILD, which replaces it with the array.
    case joblibArray
    /// An array of pandas before its BUILD, which replaces it with the array.
    case pandasArray
    /// A value that the reader doesn't understand: it has skipped what the file says about it and made nothing.
    case opaque(OpaqueValue)

    /// The identity of a node in its document.
    package struct Identifier: Sendable, Hashable {
        let index: Int
    }

    /// A member of a dictionary.
    package struct Member: Sendable, Equatable {
        /// The member's key.
        package var key: PickledValue
        /// The member's value.
        package var value: PickledValue

        package init(key: PickledValue, value: PickledValue) {
            self.key = key
            self.value = value
        }
    }
}
