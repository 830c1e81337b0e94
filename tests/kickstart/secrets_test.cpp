// SPDX-License-Identifier: Apache-2.0
// A secret is planted wherever a kickstart can have one, and must be found nowhere in what others read.
#include "kickstart/secrets.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "kickstart/command_data.hpp"
#include "kickstart/lint.hpp"
#include "kickstart/script_secrets.hpp"
#include "kickstart/secret_text.hpp"

namespace {

using kickstart::public_text;
using kickstart::secret_values;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr const char* plant = "Zq7plantZq7";

std::string planted(std::string text) {
    for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@', at + 1))
        if (text.substr(at, 3) == "@@@") text.replace(at, 3, plant);
    return text;
}

// Nothing that is made of the text for the eyes of others holds the secret, and what is public stays as it is.
void expect_hidden(const std::string& text) {
    const std::string shown = public_text(text);
    EXPECT_THAT(shown, Not(HasSubstr(plant))) << text;
    EXPECT_EQ(public_text(shown), shown) << text;
    EXPECT_EQ(std::count(shown.begin(), shown.end(), '\0'), std::count(text.begin(), text.end(), '\0'));
    for (const char* level : {"", "RHEL5", "RHEL7", "RHEL9", "F45", "kickseed"}) {
        kickstart::LintOptions options;
        options.parse.version = level;
        const kickstart::LintResult result = lint(text, "a.ks", options);
        for (const auto& d : result.parsed.diagnostics)
            EXPECT_THAT(d.message, Not(HasSubstr(plant))) << text << " at " << level;
        for (const auto& finding : result.findings) {
            EXPECT_THAT(finding.source, Not(HasSubstr(plant))) << text << " at " << level << ": " << finding.rule;
            EXPECT_THAT(finding.message, Not(HasSubstr(plant))) << text << " at " << level;
        }
    }
}

// Every way to write `--option=value` that the parser takes.
std::vector<std::string> ways(const std::string& command, const std::string& option) {
    std::vector<std::string> all{command + " --" + option + "=@@@",
                                 command + " --" + option + " @@@ --other",
                                 "\"" + command + "\" --" + option + "='@@@ \"x'",
                                 command.substr(0, 1) + "''" + command.substr(1) + " '--" + option + "=@@@'",
                                 command + " \"--" + option + "\" \"a @@@\"",
                                 command + " -\\-" + option + "=a\\ @@@ # why",
                                 "\t" + command + " --" + option + "=x#@@@",
                                 command + " --" + option + "=\"@@@",
                                 "#" + command + " --" + option + "=@@@",
                                 "## " + command + " --" + option + " @@@ and so on"};
    for (std::size_t size = 2; size < option.size(); ++size)
        all.push_back(command + " --" + option.substr(0, size) + "=@@@");
    return all;
}

const std::vector<std::pair<const char*, const char*>> secret_options{{"user", "password"},
                                                                      {"bootloader", "password"},
                                                                      {"bootloader", "md5pass"},
                                                                      {"part", "passphrase"},
                                                                      {"partition", "passphrase"},
                                                                      {"logvol", "passphrase"},
                                                                      {"raid", "passphrase"},
                                                                      {"autopart", "passphrase"},
                                                                      {"part", "hw-passphrase"},
                                                                      {"partition", "hw-passphrase"},
                                                                      {"autopart", "hw-passphrase"},
                                                                      {"network", "wepkey"},
                                                                      {"network", "wpakey"},
                                                                      {"iscsi", "password"},
                                                                      {"iscsi", "reverse-password"},
                                                                      {"vnc", "password"},
                                                                      {"rdp", "password"},
                                                                      {"rhsm", "activation-key"},
                                                                      {"realm", "one-time-password"},
                                                                      {"authconfig", "winbindjoin"},
                                                                      {"auth", "winbindjoin"}};

TEST(Secrets, of_every_secret_option_are_hidden_however_they_are_written) {
    for (const auto& [command, option] : secret_options)
        for (const std::string& line : ways(command, option)) expect_hidden(planted(line));
}

TEST(Secrets, are_marked_in_the_table_for_every_option_that_sounds_like_one) {
    const std::set<std::string> no_secrets{"backuppassphrase", "sslclientkey", "sshkey"};
    std::set<std::pair<std::string, std::string>> known(secret_options.begin(), secret_options.end());
    for (const kickstart::CommandEntry& entry : kickstart::command_entries())
        for (const auto& option : kickstart::rule_of_any_level(entry.name)->options) {
            const std::string& name = option.names[0];
            const bool sounds = name.find("pass") != std::string::npos || name.find("key") != std::string::npos ||
                                name.find("secret") != std::string::npos || name.find("token") != std::string::npos;
            if (sounds && !no_secrets.contains(name)) {
                EXPECT_TRUE(option.secret || name == "vckeymap") << entry.name << " --" << name;
            }
            EXPECT_EQ(option.secret, known.contains({entry.name, name})) << entry.name << " --" << name;
        }
}

TEST(Secrets, that_are_words_of_a_command_are_hidden) {
    for (const char* command : {"rootpw", "rootpw --plaintext", "rootpw --iscrypted", "sshpw --username=root", "key",
                                "'rootpw'", "root\"pw\"", "  rootpw"})
        for (const char* word : {"@@@", "\"@@@\"", "'a @@@'", "a\\ @@@", "foo#@@@", "a @@@", "\"@@@", "@@@ --lock",
                                 "-- --@@@", "-@@@", "--@@@", "--plaintxt @@@", "@@@ # @@@"}) {
            expect_hidden(planted(std::string(command) + " " + word));
            expect_hidden(planted("lang C\r\n#  " + std::string(command) + " " + word + "\r\nreboot\r\n"));
        }
    expect_hidden(planted("rootpww @@@"));
    expect_hidden(planted("Rootpw @@@"));
    expect_hidden(planted("preseed passwd/user-password password @@@"));
    expect_hidden(planted("preseed --owner passwd passwd/root-password-again string @@@"));
}

TEST(Secrets, in_addresses_are_hidden_in_every_option) {
    for (const kickstart::CommandEntry& entry : kickstart::command_entries())
        for (const auto& option : kickstart::rule_of_any_level(entry.name)->options)
            for (const char* address :
                 {"http://me:@@@@host/x", "https://@@@@host/", "ftp://me:a@@@@host:21/", "http://me:@@@/a@host/",
                  "http://host/?release=7&X-Amz-Signature=@@@", "https://host/a?token=@@@&arch=x",
                  "https://host/#access_token=@@@", "http://me:@@@#more@host/"})
                if (option.type != kickstart::OptionType::flag)
                    for (const std::string& way :
                         {"=" + std::string(address), " " + std::string(address), "='" + std::string(address) + "'"})
                        EXPECT_THAT(public_text(planted(std::string(entry.name) + " --" + option.names[0] + way)),
                                    Not(HasSubstr(plant)))
                            << entry.name << " --" << option.names[0] << way;
    for (const char* line :
         {"url --url=http://me:@@@@host/", "repo --name=a --baseurl=\"http://me:@@@@host/\"",
          "url --proxy=me:@@@@host:80", "%include http://me:@@@@host/a.ks", "%ksappend http://me:@@@@host/a.ks",
          "#xenkiln: mirror=http://me:@@@@host/", "updates http://me:@@@@host/u.img",
          "nfs --server=a --dir=/b --opts=username=me,password=@@@",
          "bootloader --append=\"inst.ks=http://me:@@@@h/ rd.iscsi.password=@@@ quiet\"",
          "part / --size=1 --fsoptions=credentials=@@@", "%packages\nhttp://me:@@@@host/a.rpm\n%end",
          "# see http://me:@@@@host/", "lang C # token=@@@", "%post --log=http://me:@@@@h\n%end",
          "%post\n%include http://me:@@@@host/x\n%end"})
        expect_hidden(planted(line));
}

TEST(Secrets, in_scripts_are_found_by_what_the_shell_does_with_them) {
    for (const char* script : {"echo root:@@@ | chpasswd",
                               "echo 'root:@@@' | /usr/sbin/chpasswd -e",
                               "chpasswd <<EOF\nroot:@@@\nEOF",
                               "echo @@@ | passwd --stdin root",
                               "echo @@@ | passwd root --stdin",
                               "passwd root <<< @@@",
                               "(echo @@@; echo @@@) | passwd root",
                               "printf '%s\\n' @@@ @@@ | passwd bob",
                               "usermod -p '@@@' root",
                               "useradd -m -p @@@ bob",
                               "useradd --password=@@@ bob",
                               "useradd -rp @@@ bob",
                               "chroot /mnt usermod -p @@@ root",
                               "su -c \"usermod -p @@@ root\"",
                               "curl -u me:@@@ https://host/",
                               "curl -sSu me:@@@ https://host/",
                               "curl \\\n  -fsS \\\n  --user me:@@@ https://host/",
                               "curl -H 'Authorization: Bearer @@@' https://host/",
                               "curl -H \"X-Auth-Token: @@@\" https://h",
                               "wget --http-password=@@@ https://host/",
                               "wget --password @@@ https://host/",
                               "wget https://me:@@@@host/",
                               "curl https://host/?token=@@@",
                               "mysql -uroot -p@@@ -e x",
                               "mysqladmin -u root password '@@@'",
                               "mysql -e \"... IDENTIFIED BY '@@@'\"",
                               "htpasswd -bc /etc/h me @@@",
                               "subscription-manager register --username=a --password=@@@",
                               "subscription-manager register --org=1 --activationkey=@@@",
                               "subscription-manager register --activationkey @@@",
                               "rhnreg_ks --activationkey=@@@",
                               "export DB_PASSWORD=@@@",
                               "DB_PASS='@@@'",
                               "secret: \"@@@\"",
                               "{\"password\": \"@@@\"}",
                               "echo 'password = @@@' > /etc/x",
                               "machine h login me password @@@",
                               "-----BEGIN RSA PRIVATE KEY-----\n@@@\n-----END RSA PRIVATE KEY-----",
                               "-----BEGIN PRIVATE KEY-----\n@@@\n-----END PRIVATE KEY-----",
                               "echo 'root:$6$salt$@@@:1::::::' >> /etc/shadow",
                               "sshpass -p @@@ ssh host",
                               "ipa-client-install -p admin -w @@@ -U",
                               "ldapadd -x -D cn=a -w @@@ -f b",
                               "openssl passwd -6 @@@",
                               "openssl enc -aes256 -k @@@ -in a",
                               "openssl rsa -in a -passin pass:@@@",
                               "echo @@@ | cryptsetup luksFormat /dev/a -",
                               "nmcli dev wifi connect a password @@@",
                               "docker login -u me -p @@@ host",
                               "echo @@@ | docker login --password-stdin",
                               "keytool -storepass @@@ -x",
                               "net ads join -U admin%@@@",
                               "echo @@@ | kinit admin",
                               "aws configure set aws_secret_access_key @@@",
                               "echo @@@ | sudo -S true",
                               "ssh-keygen -t rsa -N @@@ -f a",
                               "# echo @@@ | passwd --stdin root",
                               "python3 -c \"x(password='@@@')\"",
                               "git clone https://oauth2:@@@@host/x.git",
                               "vault login @@@",
                               "SUSEConnect -r @@@",
                               "pro attach @@@",
                               "tailscale up --authkey=@@@",
                               "k3s server --token @@@"})
        for (const char* section :
             {"%post", "%pre", "%post --nochroot --interpreter=/bin/bash", "%onerror", "%traceback", "%pre-install",
              "'%post'", "%addon com_redhat_kdump --enable", "%anaconda"}) {
            const std::string text = planted(std::string(section) + "\n" + script + "\n%end\nreboot\n");
            EXPECT_THAT(public_text(text), Not(HasSubstr(plant))) << text;
            EXPECT_THAT(public_text(text), HasSubstr("# (removed: "));
            EXPECT_THAT(public_text(text), testing::EndsWith("\n%end\nreboot\n"));
        }
}

TEST(Secrets, of_scripts_are_told_as_findings) {
    const auto result = kickstart::lint("%post\nlang=C\nDB_PASSWORD=hunter4you\n%end\n", "a.ks", {});
    const auto found = std::find_if(result.findings.begin(), result.findings.end(),
                                    [](const auto& f) { return f.rule == "security/script-secret"; });
    ASSERT_NE(found, result.findings.end());
    EXPECT_EQ(found->line, 3);
    EXPECT_THAT(found->source, Not(HasSubstr("hunter4you")));
}

TEST(Secrets, scripts_without_one_stay_byte_for_byte) {
    for (const char* script : {"echo 'PasswordAuthentication no' >> /etc/ssh/sshd_config",
                               "passwd -l root",
                               "passwd -d bob",
                               "useradd -m bob && mkdir -p /srv",
                               "sed -i 's/^passwd:.*/passwd: files sss/' /etc/nsswitch.conf",
                               "echo 'password required pam_unix.so' > /etc/pam.d/x",
                               "curl -fsSLo /tmp/a https://host/a",
                               "git clone ssh://git@host/a.git",
                               "PASSWORD=$(openssl rand -hex 9)",
                               "echo \"DB_PASS=$PASS\" > /etc/x",
                               "dnf install -y sshpass expect mkpasswd",
                               "curl -s https://host/key | gpg --dearmor -o /etc/k.gpg",
                               "gpgkey=file:///etc/pki/rpm-gpg/KEY",
                               "authconfig --passalgo=sha512 --update",
                               "PASS_MAX_DAYS=90",
                               "openssl req -key a.pem -new",
                               "baseurl=http://host/?repo=os&arch=x86_64",
                               "echo x | sudo tee /etc/a",
                               "docker run -p 80:80 a",
                               "chage -M 90 root"}) {
        const std::string text = "%post\n" + std::string(script) + "\n%end\n";
        EXPECT_EQ(public_text(text), text);
    }
}

TEST(Secrets, in_the_text_of_an_add_on_that_is_not_known_are_hidden_with_it) {
    expect_hidden(planted("%addon com_example_thing --password=@@@\n%end"));
    expect_hidden(planted("%addon com_example_thing --api-key @@@\n%end"));
    expect_hidden(planted("%addon com_example_thing\nanything @@@\n%end"));
    expect_hidden(planted("%addon org_fedora_oscap\ncontent-url = https://me:@@@@host/a.zip\n%end"));
    expect_hidden(planted("%certificate --filename=a\n-----BEGIN PRIVATE KEY-----\n@@@\n%end"));
    for (const char* text : {"%addon com_redhat_kdump --enable --reserve-mb=auto\n\n%end\n",
                             "%addon org_fedora_oscap\n content-type = scap-security-guide\n profile = ospp\n%end\n",
                             "%certificate --filename=a\n-----BEGIN CERTIFICATE-----\nMIIB\n%end\n"})
        EXPECT_EQ(public_text(text), text);
}

TEST(Secrets, that_are_used_again_are_hidden_in_comments_and_scripts) {
    expect_hidden(planted("rootpw @@@\n# root has @@@ now\n"));
    expect_hidden(planted("user --name=a --password=@@@\n%post\nmyprogram \"@@@\"\n%end\n"));
    const std::string vagrant = "user --name=vagrant --password=vagrant\n# for vagrant\n";
    EXPECT_THAT(public_text(vagrant), HasSubstr("# for vagrant\n"));
}

TEST(Secrets, of_lines_that_cannot_be_read_go_with_the_line) {
    for (const char* line :
         {"rotpw @@@", "user --name=a --pasword=@@@", "user --name=a --pasword @@@", "part / --size=1 --passphras '@@@",
          "user --name=a --password=my @@@", "rootpw --iscrypted=@@@", "vnc --passwd=@@@", "USER --password=@@@",
          "network --wpa-key=@@@", "—-password=@@@", "--password=@@@"})
        expect_hidden(planted("lang C\n" + std::string(line) + "\nreboot\n"));
    EXPECT_EQ(public_text("lang C\nnosuch thing\r\nreboot"),
              "lang C\n# (removed: a line that cannot be read as a command)\r\nreboot");
}

TEST(Secrets, leave_the_rest_of_a_line_byte_for_byte) {
    for (const auto& [line, shown] :
         {std::pair{"user --name=a --pa=hunter2  --groups=b,c\t# why",
                    "user --name=a --pa=(removed)  --groups=b,c\t# why"},
          std::pair{"user \"--password=a b\" --lock", "user \"--password=(removed)\" --lock"},
          std::pair{"user --password='a b' --lock", "user --password=(removed) --lock"},
          std::pair{"'rootpw' \"x y\"", "'rootpw' (removed)"},
          std::pair{"rhsm --organization=1 --activation-key k1", "rhsm --organization=1 --activation-key (removed)"},
          std::pair{"url --url=\"http://me:x@h/?token=abc&arch=x\"",
                    "url --url=\"http://(removed)@h/?token=(removed)&arch=x\""},
          std::pair{"bootloader --append=\"quiet a.password=x y\"", "bootloader --append=\"quiet a.password=x y\""},
          std::pair{"bootloader --append=\"a.password=xyz y\"", "bootloader --append=\"a.password=(removed) y\""},
          std::pair{"#user --name=a --password=x1", "#user --name=a --password=(removed)"},
          std::pair{"# a user of the host", "# a user of the host"}, std::pair{"# don't use part", "# don't use part"},
          std::pair{"rootpw x#y", "rootpw (removed)"}, std::pair{"rootpw x #y", "rootpw (removed) #y"}})
        EXPECT_EQ(public_text(line), shown);
}

TEST(Secrets, of_any_bytes_are_taken_out_in_time_that_grows_with_the_text) {
    for (const char* piece :
         {"password=", "http://a:", "'", "rootpw a ", "authorization:", "# rootpw x\n", "a://@", "$6$", "chpasswd<<E\n",
          "%post\n", "user --pa=", "\\", "password=$(", "cookie: ", "PASSWORD='"}) {
        std::string text;
        while (text.size() < (1U << 18)) text += piece;
        const std::string shown = public_text(text);
        EXPECT_EQ(public_text(shown), shown) << piece;
        EXPECT_EQ(public_text("%post\n" + text).empty(), false);
    }
}

TEST(SecretValues, are_those_of_commands_addresses_and_scripts_without_their_quotes) {
    const auto values = secret_values(
        "rootpw 'a b'\nuser --name=x --pass=c\\ d\nurl --url=http://me:ef@h/\n%post\necho root:ghi | chpasswd\n"
        "X_TOKEN=\"jkl\"\nchpasswd <<E\nbob:mno\nE\n%end\n");
    for (const char* value : {"a b", "c d", "me:ef", "ghi", "jkl", "mno"}) EXPECT_THAT(values, Contains(value));
    EXPECT_THAT(values, Not(Contains("")));
    EXPECT_TRUE(secret_values("lang C\n%packages\na\n%end\n").empty());
}

TEST(SecretValues, are_told_wherever_they_are_hidden) {
    for (const char* text :
         {"# the password: @@@\n", "# see https://@@@@host/\n", "lang C # token=@@@\n",
          "%post\nmysql -e \"CREATE USER a IDENTIFIED BY '@@@'\"\n%end\n",
          "%post\ncat > key <<X\n-----BEGIN PRIVATE KEY-----\n@@@\n-----END PRIVATE KEY-----\nX\n%end\n"})
        EXPECT_THAT(secret_values(planted(text)), Contains(plant)) << text;
    std::string many = "%post\n";
    for (int i = 0; i < 300; ++i) many += "echo root:word" + std::to_string(i) + " | chpasswd\n";
    EXPECT_THAT(secret_values(planted(many + "chpasswd <<END\nroot:@@@\nEND\n%end\n")), Contains(plant))
        << "after many others";
}

}  // namespace
