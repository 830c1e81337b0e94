// SPDX-License-Identifier: Apache-2.0
#include "kickstart/command_table.hpp"

#include <algorithm>
#include <limits>
#include <sstream>

namespace kickstart {
namespace {

// One line a command. `options` is a list of NAME[|ALIAS…][=TYPE][!]: no type is a flag, s a text,
// i an integer, l a comma list, L a comma list that accumulates, A a text that accumulates into a
// list, b a boolean word, {a,b} a choice; ! is required. `exclusive`: groups separated by ";".
struct Entry {
    const char* name;
    int least, most;  // -1: any number; of arguments
    const char* options;
    const char* exclusive = "";
    const char* conflicts = "";
};

constexpr const char* encryption =
    " encrypted passphrase=s escrowcert=s backuppassphrase cipher=s luks-version=s pbkdf=s"
    " pbkdf-memory=i pbkdf-time=i pbkdf-iterations=i hw-passphrase=s";
constexpr const char* part_options =
    "active asprimary fstype|type=s grow maxsize=i noformat onbiosdisk=s ondisk|ondrive=s"
    " onpart|usepart=s recommended size=i fsoptions=s label=s fsprofile=s resize hibernation"
    " mkfsoptions=s";

const Entry commands[] = {
    {"auth", 0, -1, "*"},
    {"authconfig", 0, -1, "*"},
    {"authselect", 0, -1, "*"},
    {"autopart", 0, 0, "nolvm type=s fstype=s nohome noboot noswap hibernation ENCRYPTION", "nolvm type",
     "part partition raid volgroup logvol reqpart mount"},
    {"bootloader", 0, 0,
     "append=s location={mbr,partition,none,boot} lba32 password=s md5pass=s upgrade driveorder=l"
     " hvargs=s timeout=i default=s iscrypted boot-drive=s leavebootorder extlinux disabled nombr"
     " sdboot"},
    {"btrfs", 0, -1, "noformat useexisting label=s data=s metadata=s subvol parent=s name=s mkfsoptions=s"},
    {"cdrom", 0, 0, ""},
    {"clearpart", 0, 0, "all drives=l initlabel linux none disklabel=s list=l cdl", "all linux none"},
    {"cmdline", 0, 0, "non-interactive"},
    {"driverdisk", 0, -1, "source=s biospart=s"},
    {"eula", 0, 0, "agreed|agree|accepted|accept"},
    {"fcoe", 0, 0, "nic=s! dcb autovlan"},
    {"firewall", 0, -1,
     "disable|disabled enable|enabled port=L trust=A service=L ftp http smtp ssh telnet high medium"
     " remove-service=L use-system-defaults",
     "disable enable"},
    {"firstboot", 0, 0, "disable|disabled enable|enabled reconfig", "disable enable reconfig"},
    {"graphical", 0, 0, "non-interactive"},
    {"group", 0, 0, "name=s! gid=i"},
    {"halt", 0, 0, "eject"},
    {"harddrive", 0, 0, "biospart=s partition=s dir=s!"},
    {"hmc", 0, 0, ""},
    {"ignoredisk", 0, 0, "drives=l only-use=l interactive"},
    {"install", 0, 0, "root-device=s"},
    {"interactive", 0, 0, ""},
    {"iscsi", 0, 0, "target=s ipaddr=s! port=i user=s password=s reverse-user=s reverse-password=s iface=s"},
    {"iscsiname", 1, 1, ""},
    {"key", 0, 1, "skip"},
    {"keyboard", 0, 1, "vckeymap=s xlayouts=l switch=l"},
    {"lang", 1, 1, "addsupport=l"},
    {"liveimg", 0, 0, "url=s! proxy=s noverifyssl checksum=s"},
    {"logging", 0, 0, "host=s port=s level={debug,info,warning,error,critical}"},
    {"logvol", 1, 1,
     "fstype=s grow maxsize=i name=s! noformat percent=i recommended size=i useexisting vgname=s!"
     " fsoptions=s fsprofile=s label=s resize hibernation thinpool thin poolname=s chunksize=i"
     " metadatasize=i profile=s mkfsoptions=s cachesize=i cachemode=s cachepvs=l ENCRYPTION",
     "", "autopart mount"},
    {"mediacheck", 0, 0, ""},
    {"module", 0, 0, "name=s! stream=s disable"},
    {"mount", 2, 2, "reformat=s mkfsoptions=s mountoptions=s", "",
     "autopart part partition raid volgroup logvol reqpart"},
    {"network", 0, 0,
     "bootproto={dhcp,bootp,static,query,ibft} dhcpclass=s device=s essid=s ethtool=s gateway=s"
     " hostname=s ip=s mtu=s nameserver=s netmask=s nodns onboot=b wepkey=s notksdevice noipv4"
     " noipv6 ipv6=s activate no-activate nodefroute wpakey=s bondslaves=s bondopts=s vlanid=s"
     " ipv6gateway=s teamslaves=s teamconfig=s interfacename=s bridgeslaves=s bridgeopts=s"
     " bindto={mac} ipv4-dns-search=l ipv6-dns-search=l ipv4-ignore-auto-dns ipv6-ignore-auto-dns",
     "activate no-activate"},
    {"nfs", 0, 0, "server=s! dir=s! opts=s"},
    {"nvdimm", 1, 1, "namespace=s blockdevs=l mode={sector} sectorsize=i"},
    {"ostreecontainer", 0, 0, "stateroot=s url=s! transport=s remote=s no-signature-verification"},
    {"ostreesetup", 0, 0, "osname=s! remote=s url=s! ref=s! nogpg"},
    {"part", 1, 1, "PART ENCRYPTION", "", "autopart mount"},
    {"partition", 1, 1, "PART ENCRYPTION", "", "autopart mount"},
    {"poweroff", 0, 0, "eject"},
    {"raid", 1, -1,
     "device=s! fstype=s level=s noformat spares=i useexisting fsoptions=s fsprofile=s label=s"
     " mkfsoptions=s chunksize=i ENCRYPTION",
     "", "autopart mount"},
    {"realm", 0, -1, "*"},
    {"reboot", 0, 0, "eject kexec"},
    {"repo", 0, 0,
     "name=s! baseurl=s mirrorlist=s metalink=s cost=i excludepkgs=l includepkgs=l ignoregroups=b"
     " proxy=s noverifyssl install sslcacert=s sslclientcert=s sslclientkey=s"},
    {"reqpart", 0, 0, "add-boot", "", "autopart mount"},
    {"rescue", 0, 0, "nomount romount"},
    {"rhsm", 0, 0,
     "organization=s! activation-key=A! connect-to-insights proxy=s server-hostname=s"
     " rhsm-baseurl=s"},
    {"rootpw", 0, 1, "iscrypted lock plaintext allow-ssh", "iscrypted plaintext"},
    {"selinux", 0, 0, "disabled enforcing permissive", "disabled enforcing permissive"},
    {"services", 0, 0, "disabled=l enabled=l"},
    {"shutdown", 0, 0, "eject"},
    {"skipx", 0, 0, ""},
    {"snapshot", 1, 1, "name=s! when={pre-install,post-install}!"},
    {"sshkey", 1, 1, "username=s!"},
    {"sshpw", 0, -1, "username=s! iscrypted plaintext lock sshkey", "iscrypted plaintext"},
    {"syspurpose", 0, 0, "role=s sla=s usage=s addon=A"},
    {"text", 0, 0, "non-interactive"},
    {"timesource", 0, 0, "ntp-server=s ntp-pool=s ntp-disable nts"},
    {"timezone", 0, 1, "utc|isUtc nontp ntpservers=l"},
    {"unsupported_hardware", 0, 0, ""},
    {"updates", 0, 1, ""},
    {"url", 0, 0, "proxy=s noverifyssl url=s mirrorlist=s metalink=s sslcacert=s sslclientcert=s sslclientkey=s"},
    {"user", 0, 0, "groups=l homedir=s iscrypted name=s! password=s shell=s uid=i lock plaintext gecos=s gid=i",
     "iscrypted plaintext"},
    {"vnc", 0, 0, "password=s host=s port=s"},
    {"volgroup", 1, -1, "noformat useexisting reserved-space=i reserved-percent=i pesize=i", "", "autopart mount"},
    {"xconfig", 0, 0,
     "defaultdesktop=s startxonboot driver=s depth=i resolution=s videoram=s card=s monitor=s"
     " hsync=s vsync=s noprobe server=s"},
    {"zerombr", 0, 0, ""},
    {"zfcp", 0, 0, "devnum=s! fcplun=s wwpn=s scsiid=s scsilun=s"},
    {"zipl", 0, 0, "secure-boot force-secure-boot no-secure-boot"},
};

// Read and remembered, but nothing happens: their arguments are not looked at.
const char* const deprecated[] = {"autostep", "device",  "deviceprobe", "dmraid",    "langsupport",
                                  "method",   "monitor", "mouse",       "multipath", "upgrade"};

constexpr const char* script_options = "erroronfail interpreter=s log|logfile=s";
const Entry sections[] = {
    {"%packages", 0, 0,
     "excludedocs ignoremissing default instLangs|inst-langs=s nobase multilib nocore timeout=i"
     " retries=i excludeWeakdeps|exclude-weakdeps ignorebroken"},
    {"%pre", 0, 0, script_options},
    {"%pre-install", 0, 0, script_options},
    {"%post", 0, 0, "nochroot erroronfail interpreter=s log|logfile=s"},
    {"%onerror", 0, 0, script_options},
    {"%traceback", 0, 0, script_options},
    {"%certificate", 0, 0, "filename=s! dir=s type=s"},
    {"%addon", 0, -1, "*"},
    {"%anaconda", 0, -1, "*"},
};

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, at);)
        if (!part.empty()) parts.push_back(part);
    return parts;
}

OptionRule option_rule(std::string word) {
    OptionRule rule;
    if (word.ends_with('!')) {
        rule.required = true;
        word.pop_back();
    }
    if (const std::size_t equals = word.find('='); equals != std::string::npos) {
        const std::string type = word.substr(equals + 1);
        word.resize(equals);
        switch (type.front()) {
            case 's':
                rule.type = OptionType::text;
                break;
            case 'i':
                rule.type = OptionType::number;
                break;
            case 'b':
                rule.type = OptionType::boolean;
                break;
            case 'l':
                rule.type = OptionType::list;
                break;
            case '{':
                rule.type = OptionType::text;
                rule.choices = split(type.substr(1, type.size() - 2), ',');
                break;
            case 'A':
            case 'L':
                rule.type = OptionType::list;
                rule.accumulates = true;
                break;
        }
    }
    rule.names = split(word, '|');
    return rule;
}

CommandRule command_rule(const Entry& entry) {
    CommandRule rule;
    rule.name = entry.name;
    rule.least_args = static_cast<std::size_t>(entry.least);
    rule.most_args = entry.most < 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(entry.most);
    std::string options = entry.options;
    for (const auto& [word, text] : {std::pair{"ENCRYPTION", encryption}, std::pair{"PART", part_options}})
        if (const std::size_t at = options.find(word); at != std::string::npos)
            options.replace(at, std::string(word).size(), text);
    for (const std::string& word : split(options, ' '))
        rule.options.push_back(word == "*" ? OptionRule{{"*"}} : option_rule(word));
    rule.exclusive = split(entry.exclusive, ';');
    rule.conflicts = split(entry.conflicts, ' ');
    return rule;
}

const std::vector<CommandRule>& command_rules() {
    static const std::vector<CommandRule> rules = [] {
        std::vector<CommandRule> made;
        for (const Entry& entry : commands) made.push_back(command_rule(entry));
        for (const char* name : deprecated) {
            made.push_back(command_rule({name, 0, -1, "*"}));
            made.back().deprecated = true;
        }
        return made;
    }();
    return rules;
}

const CommandRule* find(const std::vector<CommandRule>& rules, std::string_view name) {
    const auto found =
        std::find_if(rules.begin(), rules.end(), [&](const CommandRule& rule) { return rule.name == name; });
    return found == rules.end() ? nullptr : &*found;
}

}  // namespace

const OptionRule* CommandRule::option(std::string_view name, std::vector<std::string>& candidates) const {
    const OptionRule* found = nullptr;
    for (const OptionRule& rule : options) {
        for (const std::string& known : rule.names) {
            if (known == name) {
                candidates = {known};
                return &rule;
            }
            if (known.starts_with(name)) {
                if (found != &rule || candidates.empty()) candidates.push_back(known);
                found = &rule;
            }
        }
    }
    return candidates.size() == 1 ? found : nullptr;
}

const CommandRule* find_command(std::string_view name) {
    return find(command_rules(), name);
}

const CommandRule* find_section(std::string_view name) {
    static const std::vector<CommandRule> rules = [] {
        std::vector<CommandRule> made;
        for (const Entry& entry : sections) made.push_back(command_rule(entry));
        return made;
    }();
    return find(rules, name);
}

std::vector<std::string> command_names() {
    std::vector<std::string> names;
    for (const CommandRule& rule : command_rules()) names.push_back(rule.name);
    return names;
}

}  // namespace kickstart
