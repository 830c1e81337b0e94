// SPDX-License-Identifier: Apache-2.0
#include "kickstart/script_secrets.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "kickstart/lines.hpp"
#include "kickstart/secret_text.hpp"

namespace kickstart {
namespace {

// The one table. `options`: what has a secret behind it; "*": the command has to do with one however it is called; "|":
// when it reads what it is piped or redirected.
struct Idiom {
    std::string_view programs, options;
};
constexpr std::array idioms{
    Idiom{"chpasswd newusers chgpasswd sshpass vncpasswd wpa_passphrase expect htdigest", "*"},
    Idiom{"passwd smbpasswd kinit kadmin kadmin.local pdbedit cryptsetup su mkpasswd saslpasswd2 grub2-mkpasswd-pbkdf2 "
          "grub-mkpasswd-pbkdf2 grub-crypt grub-md5-crypt vncserver debconf-set-selections",
          "|"},
    Idiom{"passwd", "--stdin"},
    Idiom{"sudo", "-S --stdin"},
    Idiom{"useradd usermod adduser groupadd groupmod luseradd lusermod lgroupmod", "-p --password --plainpassword"},
    Idiom{"lpasswd", "-p -P --plainpassword --password"},
    Idiom{"curl", "-u -U --user --proxy-user --oauth2-bearer --pass --key-pass"},
    Idiom{"http https", "-a --auth"},
    Idiom{"wget aria2c", "--password --http-password --ftp-password --proxy-password --http-passwd --ftp-passwd"},
    Idiom{"mysql mysqladmin mysqldump mysqlimport mariadb mariadb-admin mariadb-dump", "-p --password"},
    Idiom{"mongo mongosh mongodump mongoimport sqlcmd bsqldb tsql", "-p -P --password"},
    Idiom{"redis-cli", "-a"},
    Idiom{"mysql mysqladmin mariadb psql", "password PASSWORD"},
    Idiom{"htpasswd", "-b"},
    Idiom{"subscription-manager rhc rhsm insights-client",
          "--password --activationkey --activation-key --token -p -k -a"},
    Idiom{"rhnreg_ks rhn_register rhnreg", "--password --activationkey --proxyPassword"},
    Idiom{"SUSEConnect", "-r --regcode"},
    Idiom{"pro ua", "attach"},
    Idiom{"ipa-client-install ipa-server-install ipa-replica-install",
          "-w -p -a --password --admin-password --ds-password"},
    Idiom{"ldapadd ldapmodify ldapsearch ldapdelete ldapwhoami ldappasswd", "-w -s -a"},
    Idiom{"realm adcli", "--one-time-password --login-password"},
    Idiom{"net msktutil", "-U --password --old-account-password"},
    Idiom{"openssl", "-passin -passout -pass -k -K -stdin passwd"},
    Idiom{"mkpasswd", "-s -S"},
    Idiom{"gpg gpg2", "--passphrase --passphrase-fd"},
    Idiom{"ssh-keygen", "-N -P"},
    Idiom{"zip unzip 7z 7za", "-p -P"},
    Idiom{"keytool", "-storepass -keypass -srcstorepass -deststorepass"},
    Idiom{"docker podman skopeo buildah oc helm",
          "login --password --password-stdin --creds --src-creds --dest-creds --token"},
    Idiom{"vault consul nomad", "login -token"},
    Idiom{"tailscale", "--authkey --auth-key"},
    Idiom{"kubeadm k3s rke2", "--token --certificate-key"},
    Idiom{"nmcli", "password psk wifi-sec.psk 802-11-wireless-security.psk wifi-sec.wep-key0 802-1x.password"},
    Idiom{"iscsiadm", "-v"},
    Idiom{"ipmitool", "-P"},
    Idiom{"snmpusm net-snmp-create-v3-user", "-a -A -X -x"},
    Idiom{"winexe smbclient rpcclient mount.cifs", "-U --user"},
    Idiom{"vncserver x11vnc", "-passwd -storepasswd"},
    Idiom{"pip pip3 npm yarn", "_authToken"},
    Idiom{"aws", "aws_secret_access_key aws_session_token"},
    Idiom{"git", "http.extraheader"},
    Idiom{"grubby extlinux", "--md5pass"},
};
constexpr std::array<std::string_view, 4> phrases{"PRIVATE KEY-----", "IDENTIFIED BY", "PuTTY-User-Key-File",
                                                  "ENCRYPTED PASSWORD"};

bool listed(std::string_view list, std::string_view word) {
    for (std::size_t at = list.find(word); !word.empty() && at != std::string_view::npos;
         at = list.find(word, at + 1)) {
        const std::size_t end = at + word.size();
        if ((at == 0 || list[at - 1] == ' ') && (end == list.size() || list[end] == ' ')) return true;
    }
    return false;
}

// A simple command of a line, without its quotes.
struct Simple {
    std::vector<std::string> words;
    bool fed = false;  // by a pipe, a here-document or another redirection
};

// `quotes`: are they looked at? A command within quotes (su -c "…") is seen only when they are not.
std::vector<Simple> simple_commands(std::string_view line, bool quotes) {
    std::vector<Simple> commands(1);
    std::string word;
    bool inside = false;
    char quote = 0;
    const auto finish = [&] {
        if (inside) commands.back().words.push_back(word);
        word.clear();
        inside = false;
    };
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '\\' && i + 1 < line.size() && quote != '\'') {
            word += line[++i];
            inside = true;
        } else if (c == '"' || c == '\'') {
            if (!quotes)
                finish();
            else if (quote == 0 || quote == c)
                quote = quote == 0 ? c : 0, inside = true;
            else
                word += c;
        } else if (quote != 0) {
            word += c;
        } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            finish();
        } else if (std::string_view("|;&()`{}").find(c) != std::string_view::npos && !(c == '{' && word == "$")) {
            finish();
            if (!commands.back().words.empty()) commands.emplace_back();
            commands.back().fed = commands.back().fed || c == '|';
        } else if (c == '<') {
            finish();
            commands.back().fed = true;
        } else if (c == '>') {
            finish();
        } else {
            word += c;
            inside = true;
        }
    }
    finish();
    return commands;
}

std::string_view base_name(std::string_view word) {
    return word.substr(word.rfind('/') == std::string_view::npos ? 0 : word.rfind('/') + 1);
}

// The secret option that stands in `word`, and what of the word is its value already.
std::string_view option_in(std::string_view word, std::string_view options, std::string_view& value) {
    value = {};
    const std::size_t equals = word.find('=');
    if (const std::string_view name = word.substr(0, equals); listed(options, name)) {
        if (equals != std::string_view::npos) value = word.substr(equals + 1);
        return name;
    }
    // "-bc" holds "-b", but "-key" of a program with such options does not hold "-k".
    const bool long_dashes =
        !options.starts_with("--") && std::min(options.find(' '), options.size()) > 2 && options.starts_with('-');
    if (word.size() < 2 || word[0] != '-' || word[1] == '-' || long_dashes) return {};
    for (std::size_t i = 1; i < word.size() && std::isalpha(static_cast<unsigned char>(word[i])); ++i) {
        const std::array<char, 2> option{'-', word[i]};
        if (!listed(options, {option.data(), 2})) continue;
        value = word.substr(i + 1);
        return options.substr(options.find({option.data(), 2}), 2);
    }
    return {};
}

const std::map<std::string_view, std::vector<const Idiom*>>& by_program() {
    static const std::map<std::string_view, std::vector<const Idiom*>> all = [] {
        std::map<std::string_view, std::vector<const Idiom*>> found;
        for (const Idiom& idiom : idioms)
            for (std::string_view rest = idiom.programs; !rest.empty();) {
                const std::size_t end = std::min(rest.find(' '), rest.size());
                found[rest.substr(0, end)].push_back(&idiom);
                rest.remove_prefix(std::min(end + 1, rest.size()));
            }
        return found;
    }();
    return all;
}

class Script {
public:
    explicit Script(std::string_view body) : lines_(split_lines(body)) {}

    std::vector<ScriptSecret> find() {
        for (at_ = 0; at_ < lines_.size(); ++at_) {
            const int first = static_cast<int>(at_);
            std::string line(lines_[at_].text);
            while (line.ends_with('\\') && at_ + 1 < lines_.size()) {
                line.pop_back();
                line += " " + std::string(lines_[++at_].text);
            }
            look(line, first);
        }
        return std::move(found_);
    }

private:
    void add(int line, std::string idiom, std::vector<std::string> values) {
        std::erase_if(values, [](const std::string& value) { return tells_nothing(value, true); });
        if (!found_.empty() && found_.back().line == line) {
            auto& all = found_.back().values;
            all.insert(all.end(), values.begin(), values.end());
        } else {
            found_.push_back({line, std::move(idiom), std::move(values)});
        }
    }

    void look(const std::string& line, int number) {
        std::vector<std::string> values;
        for (const TextRange& range : secrets_in_text(line, true))
            values.push_back(line.substr(range.begin, range.end - range.begin));
        if (!values.empty()) add(number, "a credential, a key or a token in the text", values);
        for (const std::string_view phrase : phrases)
            if (const std::size_t at = line.find(phrase); at != std::string::npos)
                add(number, std::string(phrase),
                    phrase.ends_with("---") ? lines_up_to("-----END") : quoted_after(line, at + phrase.size()));
        for (const bool quotes : {true, false}) {
            const std::vector<Simple> commands = simple_commands(line, quotes);
            for (std::size_t i = 0; i < commands.size(); ++i) look(commands, i, line, number);
        }
    }

    // What stands in the quotes that open next.
    static std::vector<std::string> quoted_after(std::string_view line, std::size_t at) {
        const std::size_t open = line.find_first_of("'\"", at);
        if (open == std::string_view::npos) return {};
        const std::size_t end = std::min(line.find(line[open], open + 1), line.size());
        return {std::string(line.substr(open + 1, end - open - 1))};
    }

    // The lines that follow, up to one that begins with `end`.
    std::vector<std::string> lines_up_to(std::string_view end) {
        std::vector<std::string> lines;
        for (std::size_t i = at_ + 1; i < lines_.size() && i < at_ + most_following &&
                                      following_ < most_following_in_all && !trimmed(lines_[i].text).starts_with(end);
             ++i, ++following_)
            lines.emplace_back(trimmed(lines_[i].text));
        return lines;
    }

    void look(const std::vector<Simple>& commands, std::size_t index, const std::string& line, int number) {
        const std::vector<std::string>& words = commands[index].words;
        // "sudo chroot /mnt useradd …": the program is any word.
        for (std::size_t i = 0; i < words.size() && i < 8; ++i) {
            if (words[i] == "install" || words[i] == "remove" || words[i] == "erase") break;  // packages of that name
            if (const auto known = by_program().find(base_name(words[i])); known != by_program().end())
                for (const Idiom* idiom : known->second) match(*idiom, commands, index, i, line, number);
        }
        for (std::size_t i = 0; i < words.size(); ++i) named_option(words, i, number);
    }

    // "--db-password x", whatever the program.
    void named_option(const std::vector<std::string>& words, std::size_t i, int number) {
        const std::string& word = words[i];
        if (word == "password" && i + 1 < words.size() && (i > 1 && words[i - 2] == "login"))
            return add(number, "a .netrc line", {words[i + 1]});
        if (word.size() < 3 || word[0] != '-') return;
        const std::size_t equals = word.find('=');
        if (equals != std::string::npos || i + 1 == words.size() || !names_secret(word)) return;
        if (!words[i + 1].starts_with('-') && !tells_nothing(words[i + 1], true)) add(number, word, {words[i + 1]});
    }

    void match(const Idiom& idiom, const std::vector<Simple>& commands, std::size_t index, std::size_t program,
               const std::string& line, int number) {
        const std::vector<std::string>& words = commands[index].words;
        const std::string name(base_name(words[program]));
        constexpr std::size_t most_before = 3;  // "sudo chroot /mnt chpasswd"; further on it is a word of a sentence
        if ((idiom.options == "*" && program <= most_before) ||
            (idiom.options == "|" && commands[index].fed && fed_with_secret(commands, index, name, line)))
            return add(number, name, what_is_fed(commands, index, program, line));
        for (std::size_t i = program + 1; i < words.size(); ++i) {
            std::string_view value;
            const std::string_view option = option_in(words[i], idiom.options, value);
            if (option.empty()) continue;
            std::vector<std::string> values{std::string(value)};
            if (value.empty() && i + 1 < words.size()) values[0] = words[i + 1];
            const bool fed = option.ends_with("stdin") || name == "sudo";
            if (fed) values = what_is_fed(commands, index, program, line);
            if (!fed && tells_nothing(values[0], true)) continue;
            if (const std::size_t colon = values.empty() ? std::string::npos : values[0].find_first_of(":%");
                colon != std::string::npos)
                values.push_back(values[0].substr(colon + 1));
            add(number, name + " " + std::string(option), values);
        }
    }

    // "yes | docker …", "cat file | openssl …": nothing is told by these.
    static bool fed_with_secret(const std::vector<Simple>& commands, std::size_t index, const std::string& name,
                                const std::string& line) {
        if (name == "su" && index == 0) return false;  // a here-document of commands
        if (name == "debconf-set-selections") return line.find("passw") != std::string::npos;
        if (index == 0) return true;
        const std::vector<std::string>& before = commands[index - 1].words;
        return before.empty() || (before[0] != "yes" && before[0] != "cat" && before[0] != "tar");
    }

    // What an echo before it, its own words, or a here-document gives to a command.
    std::vector<std::string> what_is_fed(const std::vector<Simple>& commands, std::size_t index, std::size_t program,
                                         const std::string& line) {
        std::vector<std::string> values;
        const auto add_value = [&](std::string_view text) {
            while (text.ends_with("\\n")) text.remove_suffix(2);
            if (const std::size_t colon = text.find(':'); colon != std::string_view::npos)
                values.emplace_back(text.substr(colon + 1));
            values.emplace_back(text);
        };
        if (index > 0)
            for (const std::string& word : commands[index - 1].words)
                if (word != "echo" && word != "printf" && !word.starts_with('-') && !word.starts_with('%'))
                    add_value(word);
        for (std::size_t i = program + 1; i < commands[index].words.size(); ++i)
            if (!commands[index].words[i].starts_with('-')) add_value(commands[index].words[i]);
        const std::size_t here = line.find("<<");
        if (here == std::string::npos || line.substr(here).starts_with("<<<")) return values;
        std::string marker(trimmed(std::string_view(line).substr(line.find_first_not_of("<-", here) == std::string::npos
                                                                     ? line.size()
                                                                     : line.find_first_not_of("<-", here))));
        marker = marker.substr(0, marker.find_first_of(" \t|;&>"));
        std::erase_if(marker, [](char c) { return c == '"' || c == '\'' || c == '\\'; });
        for (std::size_t i = at_ + 1; i < lines_.size() && i < at_ + most_following &&
                                      following_ < most_following_in_all && trimmed(lines_[i].text) != marker;
             ++i, ++following_)
            add_value(trimmed(lines_[i].text));
        return values;
    }

    // Of a here-document or a key; many that are never closed must not be read over and over.
    static constexpr std::size_t most_following = 200, most_following_in_all = 20000;

    std::vector<TextLine> lines_;
    std::size_t at_ = 0, following_ = 0;
    std::vector<ScriptSecret> found_;
};

}  // namespace

std::vector<ScriptSecret> secrets_of_script(std::string_view body) {
    return Script(body).find();
}

}  // namespace kickstart
