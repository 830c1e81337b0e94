// SPDX-License-Identifier: Apache-2.0
#include "kickstart/command_data.hpp"

#include "kickstart/command_checks.hpp"

namespace kickstart {
namespace {

constexpr const char* encryption =
    "encrypted passphrase*=s escrowcert=s@R6-,F backuppassphrase@R6-,F cipher=s@R6-,F18- luks-version=s@R8-,F29-"
    " pbkdf=s@R8-,F29- pbkdf-memory=i@R8-,F29- pbkdf-time=i@R8-,F29- pbkdf-iterations=i@R8-,F29-";
constexpr const char* file_system =
    "noformat fsoptions=s fsprofile=s@R6-,F mkfsoptions=s@R7-,F23- bytes-per-inode=i@R5"
    " bytes-per-inode=s~R6";
constexpr const char* part_options =
    "fstype|type=s active@R-7,F-28~R8,F29-33 asprimary start=i@R5 start=s~R6 end=i@R5 end=s~R6 grow maxsize=i "
    "onbiosdisk=s"
    " ondisk|ondrive=s onpart|usepart=s recommended size=i label=s hibernation@R6-,F18- resize@R7-,F17-"
    " hw-passphrase*=s@F41-";
constexpr const char* tls = "sslcacert=s@R8-,F30- sslclientcert=s@R8-,F30- sslclientkey=s@R8-,F30-";
constexpr const char* script_options = "erroronfail interpreter=s log|logfile=s";

constexpr const char* other_partitioning = "autopart@R6-,F20- mount@R7-,F20-";
constexpr const char* authconfig_goes = "the authconfig command goes away; use authselect";

const CommandEntry commands[] = {
    {.name = "auth",
     .options = "winbindjoin*=s",
     .removed = "R10-,F35-",
     .opaque = true,
     .warns = "R8-9,F28-34",
     .warning = authconfig_goes},
    {.name = "authconfig",
     .options = "winbindjoin*=s",
     .removed = "R10-,F35-",
     .opaque = true,
     .warns = "R8-9,F28-34",
     .warning = authconfig_goes},
    {.name = "authselect", .known = "R8-,F28-", .opaque = true},
    {.name = "autopart",
     .options =
         "ENCRYPTION nolvm@R7-,F type=s@R7-,F17- fstype=s@R7-,F21- nohome@R7-,F26- noboot@R8-,F26- noswap@R8-,F26-"
         " hibernation@R10-,F38- hw-passphrase*=s@F41-",
     .last_wins = "nolvm type",
     .conflicts = "part@R6-,F20- raid@R6-,F20- volgroup@R6-,F20- logvol@R6-,F20- reqpart@R7-,F23-",
     .check = checks::autopart},
    {.name = "autostep", .options = "autoscreenshot", .deprecated = "R9-,F34-"},
    {.name = "bootc",
     .options = "stateroot=s source-imgref=s! target-imgref=s bootloader=s@F45- composefs@F45-",
     .known = "R10-,F43-",
     .conflicts = "ostreesetup ostreecontainer"},
    {.name = "bootloader",
     .options =
         "append=s location={mbr,partition,none,boot} lba32@R5~R6 password*=s md5pass*=s upgrade@R-7,F-28~R8,F29-33"
         " driveorder=l hvargs=s@R5 timeout=i@R6-,F default=s@R6-,F iscrypted@R6-,F boot-drive=s@R7-,F17-"
         " leavebootorder@R7-,F18- extlinux@R7-,F19- disabled@R7-,F21- nombr@R7-,F21- sdboot@R10-,F39-",
     .check = checks::bootloader},
    {.name = "btrfs",
     .most = -1,
     .options = "noformat useexisting label=s data=s metadata=s subvol parent=s name=s mkfsoptions=s@R7,F23-",
     .known = "R7-,F17-",
     .deprecated = "R8-",
     .check = checks::btrfs},
    {.name = "cdrom"},
    {.name = "clearpart",
     .options = "all drives=l initlabel linux none disklabel=s@R7-,F21- list=l@R7-,F17- cdl@R7-,F28-",
     .last_wins = "all linux none"},
    {.name = "cmdline", .options = "non-interactive@R8-,F26-", .check = checks::cmdline},
    {.name = "device", .most = -1, .options = "opts=s", .deprecated = "R8-,F24-", .check = checks::device},
    {.name = "deviceprobe", .deprecated = "R8-,F29-", .opaque = true},
    {.name = "dmraid", .options = "name=s! dev=a!", .deprecated = "R8-,F24-"},
    {.name = "driverdisk", .most = -1, .options = "source=s biospart=s type=s~R-6", .check = checks::driverdisk},
    {.name = "eula", .options = "agreed|agree|accepted|accept", .known = "R7-,F20-", .check = checks::eula},
    {.name = "fcoe", .options = "nic=s! dcb autovlan@R7-,F28-", .known = "R6-,F"},
    {.name = "firewall",
     .options = "disable|disabled enable|enabled ftp http smtp ssh telnet@R5 telnet=s~R6 high=s~R5 medium=s~R5 port=p"
                " trust=a service=L@R6-,F remove-service=L@R7-,F20- use-system-defaults@R8-,F28-",
     .last_wins = "disable enable"},
    {.name = "firstboot",
     .options = "disable|disabled enable|enabled reconfig",
     .last_wins = "disable enable reconfig"},
    {.name = "graphical", .options = "non-interactive@R8-,F26-"},
    {.name = "group", .options = "name=s! gid=i", .known = "R6-,F"},
    {.name = "halt", .options = "eject kexec@R8-,F23-"},
    {.name = "harddrive",
     .options = "biospart=s@R-8,F-32 partition=s@R-8,F-32 partition=s!@R9-,F33- dir=s!",
     .check = checks::harddrive},
    {.name = "hmc", .known = "R7-,F28-"},
    {.name = "ignoredisk",
     .options = "drives=l only-use=l interactive@R6-7,F-28~R8,F29-33",
     .check = checks::ignoredisk},
    {.name = "install",
     .options = "root-device=s@R6-7,F-28",
     .deprecated = "R8,F29-33",
     .removed = "R9-,F34-",
     .check = checks::install},
    {.name = "interactive", .known = "R-6"},
    {.name = "iscsi",
     .options = "target=s ipaddr=s! port=i user=s password*=s reverse-user=s@R6-,F reverse-password*=s@R6-,F"
                " iface=s@R6-,F17-"},
    {.name = "iscsiname", .least = 1, .most = 1},
    {.name = "key", .most = 1, .options = "skip", .known = "R-6", .check = checks::key, .secret_words = true},
    {.name = "keyboard",
     .most = 1,
     .options = "vckeymap=s@R7-,F18- xlayouts=l@R7-,F18- switch=l@R7-,F18-",
     .check = checks::keyboard},
    {.name = "lang", .least = 1, .most = 1, .options = "addsupport=l@R7-,F19-"},
    {.name = "langsupport", .known = "R5", .deprecated = "R5"},
    {.name = "liveimg", .options = "url=s! proxy=s noverifyssl checksum=s", .known = "R7-,F19-"},
    {.name = "logging",
     .options = "host=s port=s level={debug,info,warning,error,critical}@R-8,F-33 level=s~R9,F34-39",
     .check = checks::logging},
    {.name = "logvol",
     .least = 1,
     .most = 1,
     .options =
         "fstype=s ENCRYPTION FILESYSTEM grow maxsize=i name=s! percent=i recommended size=i useexisting vgname=s!"
         " hibernation@R6-,F18- thinpool@R6-,F20- thin@R6-,F20- poolname=s@R6-,F20- chunksize=i@R6-,F20-"
         " metadatasize=i@R6-,F20- profile=s@R6-,F21- label=s@R7-,F resize@R7-,F17- cachesize=i@R8-,F23-"
         " cachemode=s@R8-,F23- cachepvs=l@R8-,F23-",
     .conflicts = other_partitioning,
     .check = checks::logvol,
     .mount_point = 0},
    {.name = "mediacheck"},
    {.name = "method",
     .options = "url=s!@R-6,F-17 url=s@R7-,F18- proxy=s@R6-,F noverifyssl@R6-,F mirrorlist=s@R7-,F18-"
                " metalink=s@R8-,F27- TLS",
     .deprecated = "R9-,F34-"},
    {.name = "module",
     .options = "name=s! stream=s disable@R8-9,F31-40",
     .known = "R8-,F29-",
     .deprecated = "R10-,F41-"},
    {.name = "monitor", .options = "hsync=s monitor=s vsync=s noprobe", .known = "R-6,F-18", .deprecated = "R6,F-18"},
    {.name = "mount",
     .least = 2,
     .most = 2,
     .options = "reformat=o mkfsoptions=s mountoptions=s",
     .known = "R8-,F27-",
     .conflicts = "autopart part raid volgroup logvol reqpart",
     .check = checks::mount,
     .mount_point = 1},
    {.name = "mouse", .known = "R5", .deprecated = "R5"},
    {.name = "multipath", .options = "name=s! device=s! rule=s!", .deprecated = "R8-,F24-"},
    {.name = "network",
     .options =
         "bootproto={dhcp,bootp,static,query}@R5 bootproto={dhcp,bootp,static,query,ibft}@R6-,F dhcpclass=s device=s"
         " essid=s ethtool=s gateway=s hostname=s ip=s mtu=s nameserver=s netmask=s nodns onboot=b wepkey*=s "
         "notksdevice"
         " noipv4 noipv6 ipv6=s@R6-,F activate@R6-,F nodefroute@R6-,F vlanid=s@R6-,F19- bondslaves=s@R6-,F19-"
         " bondopts=s@R6-,F19- wpakey*=s@R7-,F ipv6gateway=s@R7-,F19- teamslaves=t@R7-9,F20-~R10-"
         " teamconfig=s@R7-9,F20-~R10- interfacename=s@R7-,F21- bridgeslaves=s@R7-,F22- bridgeopts=s@R7-,F22-"
         " no-activate@R7-,F25- bindto={mac}@R7-,F27- ipv4-dns-search=s@R9-,F39- ipv6-dns-search=s@R9-,F39-"
         " ipv4-ignore-auto-dns@R9-,F39- ipv6-ignore-auto-dns@R9-,F39-",
     .last_wins = "activate no-activate",
     .check = checks::network},
    {.name = "nfs", .options = "server=s! dir=s! opts=s"},
    {.name = "nvdimm",
     .least = 1,
     .most = 1,
     .options = "namespace=s blockdevs=l mode={sector} sectorsize=i",
     .known = "R7-,F28-",
     .deprecated = "R10-,F40-",
     .check = checks::nvdimm},
    {.name = "ostreecontainer",
     .options = "stateroot=s url=s! transport=s remote=s no-signature-verification",
     .known = "R9-,F38-",
     .conflicts = "ostreesetup bootc@R10-,F43-"},
    {.name = "ostreesetup",
     .options = "osname=s! remote=s url=s! ref=s! nogpg",
     .known = "R7-,F21-",
     .conflicts = "ostreecontainer@R10-,F38- bootc@R10-,F43-",
     .check = checks::ostreesetup},
    {.name = "part",
     .least = 1,
     .most = 1,
     .options = "PART ENCRYPTION FILESYSTEM",
     .conflicts = other_partitioning,
     .check = checks::part,
     .mount_point = 0},
    {.name = "partition",
     .least = 1,
     .most = 1,
     .options = "PART ENCRYPTION FILESYSTEM",
     .conflicts = other_partitioning,
     .check = checks::part,
     .mount_point = 0},
    {.name = "poweroff", .options = "eject kexec@R8-,F23-"},
    {.name = "preseed", .most = -1, .options = "owner=s", .known = "K"},
    {.name = "raid",
     .least = 1,
     .most = -1,
     .options =
         "fstype=s ENCRYPTION FILESYSTEM device=s! level=s spares=i useexisting label=s@R7-,F chunksize=i@R7-,F25-",
     .conflicts = other_partitioning,
     .check = checks::raid,
     .mount_point = 0},
    {.name = "rdp", .options = "username=s password*=s", .known = "R10-,F43-"},
    {.name = "realm",
     .most = -1,
     .options = "one-time-password*=s",
     .known = "R7-,F19-",
     .check = checks::realm,
     .opaque = true},
    {.name = "reboot", .options = "eject kexec@R8-,F23-"},
    {.name = "repo",
     .options = "name=s! baseurl=s mirrorlist=s cost=i@R6-,F excludepkgs=l@R6-,F includepkgs=l@R6-,F"
                " ignoregroups=b@R6-8,F-32~R9,F33-39 proxy=s@R6-,F noverifyssl@R6-,F install@R7-,F21-"
                " metalink=s@R8-,F27- TLS",
     .check = checks::repo},
    {.name = "reqpart", .options = "add-boot", .known = "R7-,F23-", .conflicts = "autopart mount"},
    {.name = "rescue", .options = "nomount romount", .known = "R6-,F", .check = checks::rescue},
    {.name = "rhsm",
     .options = "organization=s! activation-key*=a! connect-to-insights proxy=s server-hostname=s rhsm-baseurl=s"
                " flatpak-registry-url=s@R10-",
     .known = "R8-",
     .check = checks::rhsm},
    {.name = "rootpw",
     .most = 1,
     .options = "iscrypted lock@R6-,F plaintext@R6-,F allow-ssh@R9-,F37- disabled@K",
     .last_wins = "iscrypted plaintext",
     .check = checks::rootpw,
     .secret_words = true},
    {.name = "selinux", .options = "disabled enforcing permissive", .last_wins = "disabled enforcing permissive"},
    {.name = "services", .options = "disabled=l enabled=l", .check = checks::services},
    {.name = "shutdown", .options = "eject kexec@R8-,F23-"},
    {.name = "skipx"},
    {.name = "snapshot",
     .least = 1,
     .most = 1,
     .options = "name=s! when={pre-install,post-install}!",
     .known = "R7-,F26-",
     .check = checks::snapshot},
    {.name = "sshkey", .least = 1, .most = 1, .options = "username=s!", .known = "R8-,F22-"},
    {.name = "sshpw",
     .most = -1,
     .options = "username=s! iscrypted plaintext lock sshkey@R8-,F24-",
     .known = "R6-,F",
     .last_wins = "iscrypted plaintext",
     .check = checks::sshpw,
     .secret_words = true},
    {.name = "syspurpose", .options = "role=s sla=s usage=s addon=a", .known = "R8-"},
    {.name = "text", .options = "non-interactive@R8-,F26-"},
    {.name = "timesource",
     .options = "ntp-server=s ntp-pool=s ntp-disable nts",
     .known = "R9-,F33-",
     .check = checks::timesource},
    {.name = "timezone",
     .most = 1,
     .options = "utc|isUtc@R-7,F-24 utc@R8-,F25- isUtc@R8,F25-31~R9,F32- nontp@R7-8,F18-32~R9,F33-"
                " ntpservers=l@R7-8,F18-32~R9,F33-",
     .check = checks::timezone},
    {.name = "unsupported_hardware", .known = "R6-7"},
    {.name = "updates", .most = 1, .known = "R6-,F", .check = checks::updates},
    {.name = "upgrade",
     .options = "root-device=s@R6,F-19",
     .known = "R-7,F-29",
     .deprecated = "R7,F20-29",
     .check = checks::install},
    {.name = "url",
     .options = "url=s!@R-6,F-17 url=s@R7-,F18- proxy=s@R6-,F noverifyssl@R6-,F mirrorlist=s@R7-,F18-"
                " metalink=s@R8-,F27- TLS",
     .check = checks::url},
    {.name = "user",
     .options = "groups=l homedir=s iscrypted name=s! password*=s shell=s uid=i lock@R6-,F plaintext@R6-,F"
                " gecos=s@R6-,F gid=i@R7-,F19-",
     .last_wins = "iscrypted plaintext"},
    {.name = "vnc", .options = "password*=s connect=s@R5 host=s port=s", .deprecated = "R10-,F43-"},
    {.name = "volgroup",
     .most = -1,
     .options = "noformat pesize=i useexisting reserved-space=i@R6-,F reserved-percent=i@R6-,F",
     .conflicts = "autopart@R6-,F mount@R6-,F",
     .check = checks::volgroup},
    {.name = "xconfig",
     .options =
         "defaultdesktop=s startxonboot depth=i@R5 resolution=s@R5 videoram=s@R5 driver=s@R5 card=s~R5 hsync=s~R5"
         " monitor=s~R5 noprobe=s~R5 vsync=s~R5 driver=s~R6 depth=s~R6 resolution=s~R6 videoram=s~R6"},
    {.name = "zerombr", .known = "R6-,F"},
    {.name = "zerombr", .most = -1, .known = "R5,K"},
    {.name = "zfcp",
     .options = "devnum=s! fcplun=s!@R-8,F-36 wwpn=s!@R-8,F-36 scsiid=s!@R5 scsilun=s!@R5 scsiid=s~R6 scsilun=s~R6"
                " wwpn=s@R9-,F37- fcplun=s@R9-,F37-",
     .check = checks::zfcp},
    {.name = "zipl",
     .options = "secure-boot force-secure-boot no-secure-boot",
     .known = "R8-,F32-",
     .last_wins = "secure-boot force-secure-boot no-secure-boot"},

    // Ubuntu's kickseed reads these in its own way.
    {.name = "langsupport", .most = -1, .options = "default=s", .known = "K"},
    {.name = "mouse", .known = "K", .opaque = true},
    {.name = "user",
     .most = 1,
     .options = "name=s fullname=s disabled iscrypted password*=s uid=i groups=l homedir=s shell=s",
     .known = "K",
     .check = checks::user},
};

const CommandEntry sections[] = {
    {.name = "%packages",
     .options = "excludedocs ignoremissing ignoredeps~R5 resolvedeps~R5 default@R6-,F instLangs=s@R6-8,F-31~R9,F32-"
                " inst-langs=s@R9-,F32- nobase@R6,F-17~R7,F18-21 multilib@R7-,F18- nocore@R7-,F21-"
                " timeout=i@R7-,F22- retries=i@R7-,F22- excludeWeakdeps@R8,F24-31~R9,F32-"
                " exclude-weakdeps@R9-,F32- ignorebroken@F32-",
     .check = checks::packages},
    {.name = "%pre", .options = script_options},
    {.name = "%pre-install", .options = script_options},
    {.name = "%post", .options = "nochroot erroronfail interpreter=s log|logfile=s"},
    {.name = "%onerror", .options = script_options},
    {.name = "%traceback",
     .options = script_options,
     .warns = "R9-,F34-",
     .warning = "%traceback goes away; use %onerror"},
    {.name = "%certificate", .options = "filename=s! dir=s type=s", .check = checks::certificate},
    {.name = "%addon", .most = -1, .opaque = true},
    {.name = "%anaconda", .most = -1, .opaque = true},
};

}  // namespace

std::span<const CommandEntry> command_entries() {
    return commands;
}
std::span<const CommandEntry> section_entries() {
    return sections;
}

const char* shared_options(std::string_view name) {
    return name == "ENCRYPTION"   ? encryption
           : name == "FILESYSTEM" ? file_system
           : name == "PART"       ? part_options
           : name == "TLS"        ? tls
                                  : nullptr;
}

}  // namespace kickstart
