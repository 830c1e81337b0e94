// SPDX-License-Identifier: Apache-2.0
#include "kickstart/secret_values.hpp"

#include <gmock/gmock.h>

#include "kickstart/parser.hpp"

namespace kickstart {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> secrets(const std::string& text) {
    return secret_values(parse(text).recipe);
}

TEST(SecretValues, however_a_command_is_spelled_its_password_is_found) {
    EXPECT_THAT(secrets("rootpw --plaintext 'two words'\n"), ElementsAre("two words"));
    EXPECT_THAT(secrets("\"rootpw\" se\"cret\"1\n"), ElementsAre("secret1"));
    EXPECT_THAT(secrets("user --name=ada --pass=shortened\n"), ElementsAre("shortened"));
    EXPECT_THAT(secrets("user --name ada --password $6$salt$hash --iscrypted\n"), ElementsAre("$6$salt$hash"));
    EXPECT_THAT(secrets("bootloader --password=loader1\n"), ElementsAre("loader1"));
    EXPECT_THAT(secrets("#version=F40\npart / --size=100 --encrypted --passphrase=luks-phrase\n"),
                ElementsAre("luks-phrase"));
    EXPECT_THAT(secrets("#version=RHEL9\nrhsm --organization=7 --activation-key=key-1 --activation-key=key-2\n"),
                ElementsAre("key-1", "key-2"));
    EXPECT_THAT(secrets("#version=RHEL9\nnetwork --device=wlan0 --essid=air --wpakey=air-phrase\n"),
                ElementsAre("air-phrase"));
    EXPECT_THAT(secrets("#version=RHEL9\nrealm join --one-time-password=once example.org\n"), ElementsAre("once"));
    EXPECT_THAT(secrets("#version=RHEL9\nrealm join --one-time-password once example.org\n"), ElementsAre("once"));
    EXPECT_THAT(secrets("sshpw --username=root visitor\n"), ElementsAre("visitor"));
}

TEST(SecretValues, credentials_of_an_address_are_secret_and_its_host_is_not) {
    const auto found = secrets("url --url=https://me:p%40ss@mirror.example/debian\n");
    EXPECT_THAT(found, ElementsAre("me:p%40ss", "me:p@ss", "p%40ss", "p@ss"));
    EXPECT_THAT(secrets("repo --name=a --baseurl=http://token@mirror.example/a\n"), ElementsAre("token"));
    EXPECT_THAT(secrets("url --url=http://mirror.example/a@b\n"), IsEmpty());
    EXPECT_THAT(secrets_of_address("https://me:word@host?x"), ElementsAre("me:word", "word"));
}

TEST(SecretValues, what_is_no_secret_is_not_taken_for_one) {
    EXPECT_THAT(secrets("rootpw --lock\nlang C.UTF-8\nsshkey --username=root 'ssh-ed25519 AAAA me'\n"
                        "user --name=ada --groups=wheel\n"),
                IsEmpty());
    EXPECT_THAT(secrets("rootpw hidden\nuser --name=ada\n"), Not(Contains("ada")));
}

}  // namespace
}  // namespace kickstart
