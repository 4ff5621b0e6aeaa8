import ArgumentParser
import Settings

/// The flags of all settings, with a section of `--help` for each group.
///
/// ArgumentParser finds a type's options by reflection (`customMirror`) and gives them their values by decoding
/// (`init(from:)`); here and in `GroupFlags` the table of settings provides both, so that no flag has to be declared.
package struct SettingFlags: ParsableArguments, CustomReflectable {
    /// The values given as flags, by setting; a setting that was not given has no entry.
    package private(set) var given: [SettingName: [String]] = [:]

    package init() {}

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: FlagKey.self)
        for group in SettingTable.groups { try take(group, from: container) }
    }

    package var customMirror: Mirror {
        Mirror(self, children: SettingTable.groups.map { Self.section(for: $0) }, displayStyle: .struct)
    }

    private mutating func take<Group: SettingGroup>(
        _: Group, from container: KeyedDecodingContainer<FlagKey>
    ) throws {
        let flags = try container.decode(OptionGroup<GroupFlags<Group>>.self, forKey: FlagKey(Group.title))
        given.merge(flags.wrappedValue.given) { $1 }
    }

    private static func section<Group: SettingGroup>(for _: Group) -> Mirror.Child {
        (Group.title, OptionGroup<GroupFlags<Group>>(title: Group.title))
    }
}

extension SettingFlags {
    /// The arguments with each negative number joined to the flag before it: `--workers -1` becomes `--workers=-1`.
    ///
    /// ArgumentParser takes whatever begins with a dash for a flag, and would say that the value is missing; joined, it
    /// is refused as any other number out of range.
    package static func joiningNegativeNumbers(_ arguments: [String]) -> [String] {
        var joined: [String] = []
        for argument in arguments {
            if argument.isNegativeNumber, let flag = joined.last, flag.takesValue {
                joined[joined.count - 1] = flag + "=" + argument
            } else {
                joined.append(argument)
            }
        }
        return joined
    }
}

extension String {
    /// Whether it begins as a negative number or duration does.
    fileprivate var isNegativeNumber: Bool {
        first == "-" && dropFirst().first.map { $0.isASCII && $0.isNumber } == true
    }

    /// Whether it is the flag of a setting that takes a value, and has none yet.
    fileprivate var takesValue: Bool {
        guard hasPrefix("--"), let setting = SettingTable.setting(named: String(dropFirst(2))) else { return false }
        if case .switch = setting.kind { return false }
        return true
    }
}

/// The flags of a group of settings.
private struct GroupFlags<Group: SettingGroup>: ParsableArguments, CustomReflectable {
    private(set) var given: [SettingName: [String]] = [:]

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: FlagKey.self)
        for setting in Group().settings {
            let key = FlagKey(setting.name.description)
            switch setting.kind {
            case .value, .list:
                given[setting.name] = try container.decode(Option<String?>.self, forKey: key).wrappedValue.map { [$0] }
            case .repeatedList:
                let values = try container.decode(Option<[String]>.self, forKey: key).wrappedValue
                given[setting.name] = values.isEmpty ? nil : values
            case .switch:
                given[setting.name] = try container.decode(Flag<Bool>.self, forKey: key).wrappedValue ? ["on"] : nil
            }
        }
    }

    var customMirror: Mirror {
        Mirror(
            self, children: Group().settings.map { ($0.name.description, Self.definition(of: $0)) },
            displayStyle: .struct)
    }

    private static func definition(of setting: any DeclaredSetting) -> Any {
        let name = NameSpecification.customLong(setting.name.description)
        let help = ArgumentHelp(setting.flagHelp, valueName: setting.placeholder)
        switch setting.kind {
        case .value, .list: return Option<String?>(name: name, help: help)
        case .repeatedList: return Option<[String]>(wrappedValue: [], name: name, help: help)
        case .switch: return Flag<Bool>(wrappedValue: false, name: name, help: help)
        }
    }
}

/// A setting or a group of settings, by its name.
private struct FlagKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
}

extension DeclaredSetting {
    /// The text in `--help`.
    fileprivate var flagHelp: String {
        // A flag without a value has no default worth showing.
        if case .switch = kind { return "\(help) In the environment and the file: on or off." }
        return (standardInWords ?? standard).map { "\(help) Default: \($0)." } ?? help
    }
}
