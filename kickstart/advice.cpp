// SPDX-License-Identifier: Apache-2.0
#include "kickstart/advice.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "kickstart/lines.hpp"
#include "kickstart/script_secrets.hpp"

namespace kickstart {
namespace {

constexpr std::string_view well_known_rule = "security/well-known-password";
constexpr std::string_view plaintext_rule = "security/plaintext-password";

bool well_known(std::string password) {
    static const std::set<std::string> known{
        "000000",     "111111",    "123",       "1234",      "12345",       "123456",     "12345678", "123456789",
        "1234567890", "abc123",    "admin",     "admin123",  "almalinux",   "asdfqwerty", "calvin",   "centos",
        "changeit",   "changeme",  "cloud",     "default",   "docker",      "fedora",     "guest",    "hunter2",
        "install",    "kickstart", "letmein",   "linux",     "master",      "oracle",     "p@ssw0rd", "packer",
        "pass",       "passw0rd",  "password",  "password1", "password123", "qwerty",     "redhat",   "redhat123",
        "rocky",      "root",      "root123",   "rootme",    "rootpw",      "secret",     "server",   "test",
        "test123",    "testtest",  "toor",      "ubuntu",    "user",        "vagrant",    "welcome",  "welcome1",
        "xcp-ng",     "xenroot",   "xenserver", "zaq12wsx"};
    for (char& c : password) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return known.contains(password);
}

std::string option_text(const Command& command, const char* option) {
    const auto found = command.options.find(option);
    return found == command.options.end() ? std::string() : found->second.text;
}

void password(const Command& command, const std::string& value, const std::string& whose, const Advise& advise) {
    if (value.empty()) return;
    const bool crypted = command.options.contains("iscrypted");
    if (!crypted && well_known(value))
        advise(command.line, well_known_rule,
               whose +
                   " has a password that everybody tries first; set another, or lock"
                   " the account and give it an SSH key",
               value);
    else if (!crypted)
        advise(command.line, plaintext_rule,
               whose +
                   " has its password in plain text, for everybody who reads this file;"
                   " give its hash with --iscrypted (openssl passwd -6)",
               value);
    else if (value.starts_with("$1$") || value.starts_with("$md5") || (!value.starts_with("$") && value.size() == 13))
        advise(command.line, "security/weak-hash",
               whose + " has a password hashed with " + (value.starts_with("$") ? "MD5" : "DES") +
                   ", which is guessed quickly; hash it again (openssl passwd -6)",
               value);
}

void source(const Command& command, const char* option, const Advise& advise) {
    const std::string url = option_text(command, option);
    if (url.starts_with("http://") || url.starts_with("ftp://"))
        advise(command.line, "security/unprotected-source",
               "--" + std::string(option) + " is read over " + url.substr(0, url.find(':')) +
                   ", and kickstart sources are installed without checking signatures: take https",
               url);
}

bool contains_word(std::string_view line, std::string_view word) {
    const auto part_of_word = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
    };
    for (std::size_t at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
        const bool begins = at == 0 || !part_of_word(line[at - 1]);
        const bool ends = at + word.size() == line.size() || !part_of_word(line[at + word.size()]);
        if (begins && ends) return true;
    }
    return false;
}

std::string address_in(std::string_view line) {
    for (const char* scheme : {"http://", "ftp://"}) {
        const std::size_t at = line.find(scheme);
        if (at == std::string_view::npos) continue;
        const std::string_view rest = line.substr(at);
        return std::string(rest.substr(0, rest.find_first_of(" \t\"'|;)>`")));
    }
    return {};
}

bool is_local(std::string_view address) {
    for (const char* host :
         {"http://localhost", "http://127.", "http://169.254.", "http://[::1]", "http://$", "ftp://$"})
        if (address.starts_with(host)) return true;
    return false;
}

void script_line(std::string_view line, int number, const Advise& advise) {
    static constexpr std::array fetchers{"curl", "wget", "rpm",  "yum",  "dnf", "apt-get",
                                         "apt",  "pip",  "pip3", "lynx", "git"};
    const auto find = [&](const char* text) { return line.find(text) != std::string_view::npos; };
    const bool fetches =
        std::any_of(fetchers.begin(), fetchers.end(), [&](const char* f) { return contains_word(line, f); });
    if (const std::string address = address_in(line); fetches && !address.empty() && !is_local(address))
        advise(number, "security/http-fetch",
               "the script fetches " + shown(address) +
                   " without https: whoever sits in between decides what is installed",
               address);
    for (const char* option : {"--no-check-certificate", "--insecure", "--allow-unauthenticated", "--nogpgcheck",
                               "--no-gpg-checks", "--nosignature", "--nogpg", "--force-yes"})
        if (contains_word(line, option))
            advise(number, "security/unchecked-fetch",
                   "the script switches a check of what it fetches off: " + std::string(option), option);
    for (const char* setting : {"gpgcheck=0", "gpgcheck = 0", "trusted=yes", "sslverify=0"})
        if (find(setting) && !find("repo_gpgcheck=0"))
            advise(number, "security/unchecked-source",
                   "a repository is used without checking signatures: " + std::string(setting), setting);
    if ((contains_word(line, "curl") || contains_word(line, "wget")) &&
        (find("| sh") || find("|sh") || find("| bash") || find("|bash") || find("| sudo")))
        advise(number, "security/fetched-script",
               "a script is fetched and run unread; keep a copy beside the kickstart", "|");
    if (find("PermitRootLogin yes") || find("PermitRootLogin=yes"))
        advise(number, "security/root-login", "root may log in over SSH with a password", "PermitRootLogin");
    if (contains_word(line, "chpasswd") || find("passwd --stdin")) {
        const std::size_t colon = line.find(':');
        const bool readable =
            find("echo") && (colon == std::string_view::npos || !line.substr(colon).starts_with(":$"));
        if (readable && !find(" -e") && !find("$6$"))
            advise(number, plaintext_rule,
                   "the script sets a password in plain text; use rootpw or user with --iscrypted", "chpasswd");
    }
}

}  // namespace

void advise_on_commands(const Recipe& recipe, const Advise& advise) {
    for (const Command& c : recipe.commands) {
        const auto has = [&](const char* option) { return c.options.contains(option); };
        if (c.deprecated) continue;
        if (c.name == "rootpw" && !c.args.empty()) {
            password(c, c.args[0], "root", advise);
            if (!has("lock"))
                advise(c.line, "security/root-login",
                       "root can log in with a password; lock it (rootpw --lock) and give a user sudo", "");
        }
        if (c.name == "rootpw" && has("allow-ssh"))
            advise(c.line, "security/root-login", "root may log in over SSH with a password", "--allow-ssh");
        if (c.name == "user") password(c, option_text(c, "password"), "user " + shown(option_text(c, "name")), advise);
        if (c.name == "sshpw" && !c.args.empty() && !has("sshkey"))
            password(c, c.args[0], "sshpw " + shown(option_text(c, "username")), advise);
        if (c.name == "bootloader") password(c, option_text(c, "password"), "the boot loader", advise);
        for (const char* option : {"passphrase", "wepkey", "wpakey", "reverse-password", "hw-passphrase"})
            if (const std::string secret = option_text(c, option); !secret.empty())
                advise(c.line, plaintext_rule,
                       "--" + std::string(option) +
                           " is in plain text, for everybody who reads"
                           " this file",
                       secret);
        if (c.name == "vnc" || c.name == "rdp") password(c, option_text(c, "password"), c.name, advise);
        if (c.name == "url" || c.name == "repo" || c.name == "liveimg" || c.name == "ostreesetup")
            for (const char* option : {"url", "baseurl", "mirrorlist", "metalink"}) source(c, option, advise);
        for (const char* option : {"noverifyssl", "nogpg", "no-signature-verification"})
            if (has(option))
                advise(c.line, "security/unchecked-source", c.name + ": --" + option + " switches a check off",
                       "--" + std::string(option));
        if (c.name == "firewall" && has("disable"))
            advise(c.line, "security/no-firewall", "the firewall is off; --service=ssh lets SSH through one",
                   "--disable");
        if (c.name == "selinux" && has("disabled"))
            advise(c.line, "security/no-selinux", "SELinux is off; --permissive keeps the labels", "--disabled");
    }
}

namespace {

void held_secret(const std::string& section, int line, const std::string& body, const std::set<int>& left_out,
                 const Advise& advise) {
    const std::vector<ScriptSecret> secrets = secrets_of_script(body);
    if (secrets.empty()) return;
    int number = line;
    for (int i = 0; i <= secrets[0].line; ++i)
        while (left_out.contains(++number)) {
        }
    advise(number, "security/script-secret",
           section + " holds a secret (" + secrets[0].idiom + ")" +
               (secrets.size() > 1 ? ", as do " + std::to_string(secrets.size() - 1) + " more of its lines" : "") +
               "; its text is left out of what everybody may read of the recipe",
           "");
}

}  // namespace

void advise_on_scripts(const Recipe& recipe, const Advise& advise) {
    std::set<int> left_out;  // lines that stand in the section but not in its body
    for (const Include& include : recipe.includes) left_out.insert(include.line);
    for (const Opaque& other : recipe.others)
        held_secret("%" + other.section, other.line, other.body, left_out, advise);
    for (const Certificate& certificate : recipe.certificates)
        held_secret("%certificate", certificate.line, certificate.body, left_out, advise);
    for (const Script& script : recipe.scripts) {
        held_secret("the script", script.line, script.body, left_out, advise);
        int number = script.line;
        for (const TextLine& line : split_lines(script.body)) {
            while (left_out.contains(++number)) {
            }
            if (!trimmed(line.text).starts_with('#')) script_line(line.text, number, advise);
        }
    }
}

}  // namespace kickstart
