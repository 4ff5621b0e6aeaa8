import Connections

/// Calls that wait for a place, served fairly: peers take turns, the clients of a peer take turns within that, and each
/// client's calls come in the order in which they were added. So nobody's calls hold up another's, however many there
/// are.
///
/// A full queue makes room for a newcomer at the cost of the peer with the most there: its newest call goes, even if
/// that is the newcomer itself. `append`, `remove` and `next` take constant time; making room takes time in proportion
/// to the waiting peers and clients, which `capacity` bounds. Pure; confined to one thread.
///
/// Invariants: every lane has at least one slot, and every group at least one lane; free places of the three tables are
/// in their free lists; `nextGroup` is the group served next, and each group's `nextLane` the lane served next.
package struct WaitingCalls<Peer: Hashable, Client: Hashable, Element> {
    /// Identifies an element for as long as it is here.
    package struct Ticket: Equatable {
        fileprivate var slot: Int
    }

    /// The outcome of adding an element.
    package enum Outcome {
        case waits(Ticket)
        /// The element waits, and the other one gave way and is no longer here.
        case displaces(Element, Ticket)
        /// The element doesn't wait.
        case refused
    }

    private struct Slot {
        var element: Element?
        var lane: Int
        var links: Links
    }

    /// A client's elements.
    private struct Lane {
        var client: Client?
        var group: Int
        var first = Links.none
        var last = Links.none
        var count = 0
        var links: Links
    }

    /// A peer's clients.
    private struct Group {
        var peer: Peer?
        var lanes: [Client: Int] = [:]
        var nextLane = Links.none
        var count = 0
        var links: Links
    }

    private struct Links {
        static var none: Int { -1 }
        var previous = none
        var next = none
    }

    private var slots: [Slot] = []
    private var freeSlots: [Int] = []
    private var lanes: [Lane] = []
    private var freeLanes: [Int] = []
    private var groups: [Group] = []
    private var freeGroups: [Int] = []
    private var groupOfPeer: [Peer: Int] = [:]
    private var nextGroup = Links.none

    /// Number of elements that wait.
    package private(set) var count = 0

    package init() {}

    /// Whether no element waits.
    package var isEmpty: Bool { count == 0 }

    // MARK: Adding

    /// - Parameter capacity: number of elements that may wait, 1 or more.
    package mutating func append(_ element: Element, of client: Client, _ peer: Peer, capacity: Int) -> Outcome {
        guard count >= capacity else { return .waits(add(element, client, peer)) }
        let ticket = add(element, client, peer)
        let newest = newestOfMost()
        let displaced = take(newest)
        return newest == ticket.slot ? .refused : .displaces(displaced, ticket)
    }

    private mutating func add(_ element: Element, _ client: Client, _ peer: Peer) -> Ticket {
        let lane = lane(of: client, peer)
        let slot = Self.place(
            Slot(element: element, lane: lane, links: Links(previous: lanes[lane].last)), in: &slots, &freeSlots)
        if lanes[lane].last == Links.none {
            lanes[lane].first = slot
        } else {
            slots[lanes[lane].last].links.next = slot
        }
        lanes[lane].last = slot
        lanes[lane].count += 1
        groups[lanes[lane].group].count += 1
        count += 1
        return Ticket(slot: slot)
    }

    private mutating func lane(of client: Client, _ peer: Peer) -> Int {
        let group = group(of: peer)
        if let lane = groups[group].lanes[client] { return lane }
        let lane = Self.place(Lane(client: client, group: group, links: Links()), in: &lanes, &freeLanes)
        groups[group].lanes[client] = lane
        // After everybody still to be served in this round.
        let next = groups[group].nextLane
        let last = next == Links.none ? lane : lanes[next].links.previous
        let first = next == Links.none ? lane : next
        lanes[lane].links = Links(previous: last, next: first)
        lanes[last].links.next = lane
        lanes[first].links.previous = lane
        if next == Links.none { groups[group].nextLane = lane }
        return lane
    }

    private mutating func group(of peer: Peer) -> Int {
        if let group = groupOfPeer[peer] { return group }
        let group = Self.place(Group(peer: peer, links: Links()), in: &groups, &freeGroups)
        groupOfPeer[peer] = group
        let last = nextGroup == Links.none ? group : groups[nextGroup].links.previous
        let first = nextGroup == Links.none ? group : nextGroup
        groups[group].links = Links(previous: last, next: first)
        groups[last].links.next = group
        groups[first].links.previous = group
        if nextGroup == Links.none { nextGroup = group }
        return group
    }

    private static func place<Entry>(_ entry: Entry, in table: inout [Entry], _ free: inout [Int]) -> Int {
        guard let index = free.popLast() else {
            table.append(entry)
            return table.count - 1
        }
        table[index] = entry
        return index
    }

    /// The newest element of the client with the most, among the clients of the peer with the most. Ties go to the last
    /// in turn, which is the newcomer if it is one of them.
    private func newestOfMost() -> Int {
        var group = groups[nextGroup].links.previous
        var candidate = group
        while candidate != nextGroup {
            candidate = groups[candidate].links.previous
            if groups[candidate].count > groups[group].count { group = candidate }
        }
        let first = groups[group].nextLane
        var lane = lanes[first].links.previous
        var other = lane
        while other != first {
            other = lanes[other].links.previous
            if lanes[other].count > lanes[lane].count { lane = other }
        }
        return lanes[lane].last
    }

    // MARK: Taking

    /// Takes out the element to be served next.
    package mutating func next() -> Element? {
        guard nextGroup != Links.none else { return nil }
        let group = nextGroup
        let lane = groups[group].nextLane
        nextGroup = groups[group].links.next
        groups[group].nextLane = lanes[lane].links.next
        return take(lanes[lane].first)
    }

    /// Takes out an element that is here.
    package mutating func remove(_ ticket: Ticket) -> Element { take(ticket.slot) }

    /// Takes out all elements, in the order in which they would be served.
    package mutating func removeAll() -> [Element] {
        var elements: [Element] = []
        elements.reserveCapacity(count)
        while let element = next() { elements.append(element) }
        return elements
    }

    /// Calls a function for each element that is here, in no particular order.
    package func forEach(_ body: (Element, Ticket) -> Void) {
        for (index, slot) in slots.enumerated() {
            if let element = slot.element { body(element, Ticket(slot: index)) }
        }
    }

    private mutating func take(_ slot: Int) -> Element {
        guard let element = slots[slot].element else { preconditionFailure("what is taken is here") }
        let (lane, links) = (slots[slot].lane, slots[slot].links)
        if links.previous == Links.none {
            lanes[lane].first = links.next
        } else {
            slots[links.previous].links.next = links.next
        }
        if links.next == Links.none {
            lanes[lane].last = links.previous
        } else {
            slots[links.next].links.previous = links.previous
        }
        slots[slot].element = nil
        freeSlots.append(slot)
        lanes[lane].count -= 1
        count -= 1
        let group = lanes[lane].group
        groups[group].count -= 1
        if lanes[lane].count == 0 { remove(lane: lane, of: group) }
        if groups[group].count == 0 { remove(group: group) }
        if count == 0 { trim() }
        return element
    }

    private mutating func remove(lane: Int, of group: Int) {
        if let client = lanes[lane].client { groups[group].lanes[client] = nil }
        let links = lanes[lane].links
        lanes[links.previous].links.next = links.next
        lanes[links.next].links.previous = links.previous
        if groups[group].nextLane == lane { groups[group].nextLane = links.next == lane ? Links.none : links.next }
        lanes[lane].client = nil
        freeLanes.append(lane)
    }

    private mutating func remove(group: Int) {
        if let peer = groups[group].peer { groupOfPeer[peer] = nil }
        let links = groups[group].links
        groups[links.previous].links.next = links.next
        groups[links.next].links.previous = links.previous
        if nextGroup == group { nextGroup = links.next == group ? Links.none : links.next }
        groups[group] = Group(links: Links())
        freeGroups.append(group)
    }

    /// Most entries of a table that an empty queue keeps for later.
    private static var mostKept: Int { 256 }

    private mutating func trim() {
        if slots.count > Self.mostKept { (slots, freeSlots) = ([], []) }
        if lanes.count > Self.mostKept { (lanes, freeLanes) = ([], []) }
        if groups.count > Self.mostKept { (groups, freeGroups, groupOfPeer) = ([], [], [:]) }
    }
}
