import Connections
import Ground

extension ProxyAnswer.Kind: CountedKind {}

extension GRPCStatus: CountedKind {
    /// Without a search, as every call is counted here: the numbers begin at 0 and have no gaps.
    package var place: Int { rawValue }
}
