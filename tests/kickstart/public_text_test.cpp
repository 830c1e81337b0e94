// SPDX-License-Identifier: Apache-2.0
#include "kickstart/secrets.hpp"

#include <gtest/gtest.h>

namespace {

using kickstart::public_text;

TEST(PublicText, passwords_are_taken_out_wherever_kickstart_has_them) {
    for (const auto& [line, shown] :
         {std::pair{"rootpw --plaintext hunter2", "rootpw --plaintext (removed)"},
          std::pair{"  rootpw hunter2 --plaintext", "  rootpw (removed) --plaintext"},
          std::pair{"rootpw --iscrypted $6$salt$hunter2", "rootpw --iscrypted (removed)"},
          std::pair{"rootpw \"hunter2 with spaces\" --lock", "rootpw (removed) --lock"},
          std::pair{"user --name=a --password=hunter2 --groups=b,c", "user --name=a --password=(removed) --groups=b,c"},
          std::pair{"user --name=a --password hunter2", "user --name=a --password (removed)"},
          std::pair{"user --name=a --password='hunter2 \"x' --lock", "user --name=a --password=(removed) --lock"},
          std::pair{"user --password=hunter2\\ hunter2 --name=a", "user --password=(removed) --name=a"},
          std::pair{"bootloader --md5pass=hunter2 --timeout=5", "bootloader --md5pass=(removed) --timeout=5"},
          std::pair{"part / --encrypted --passphrase=hunter2 --size=1",
                    "part / --encrypted --passphrase=(removed) --size=1"},
          std::pair{"sshpw --username=root hunter2", "sshpw --username=root (removed)"},
          std::pair{"repo --name=a --baseurl=http://me:hunter2@host/x@y",
                    "repo --name=a --baseurl=http://(removed)@host/x@y"},
          std::pair{"url --url=\"https://me:hunter2@host/\"", "url --url=\"https://(removed)@host/\""}}) {
        EXPECT_EQ(public_text(line), shown);
        EXPECT_EQ(public_text(line).find("hunter2"), std::string::npos);
        EXPECT_EQ(public_text(std::string(line) + "\r\nlang C\r\n"), std::string(shown) + "\r\nlang C\r\n");
    }
}

TEST(PublicText, everything_else_stays_byte_for_byte) {
    for (const char* text :
         {"", "\n\n", "lang C", "rootpw --lock\n", "# a comment\nlang  C\t# y\n",
          "part / --size=1 --backuppassphrase --grow\n", "%post\nrootpw is a command elsewhere\n%end\n",
          "%packages\na\n-b\n%end\nurl --url=http://host/a@b\n"})
        EXPECT_EQ(public_text(text), text);
}

TEST(PublicText, a_script_ends_where_its_section_ends) {
    EXPECT_EQ(public_text("%post\necho rootpw a\n%end\nrootpw b"), "%post\necho rootpw a\n%end\nrootpw (removed)");
}

}  // namespace
