// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <set>

#include "builders/plan/plan_parts.hpp"

namespace builders::plan {
namespace {

// A shared password makes every copy of an image anybody's.
bool well_known(const std::string& password) {
    constexpr std::array known{"Asdfqwerty", "password", "Password", "passw0rd", "vagrant", "packer",
                               "root",       "toor",     "centos",   "fedora",   "debian",  "ubuntu",
                               "admin",      "changeme", "123456",   "xenroot",  "redhat",  "secret",
                               "linux",      "test",     "rootpw",   "letmein",  "qwerty",  "12345678"};
    return std::find(known.begin(), known.end(), password) != known.end();
}

bool plain_name(const std::string& name) {
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' ||
               (c >= 'A' && c <= 'Z');
    };
    return !name.empty() && name.size() <= 32 && name[0] != '-' && std::all_of(name.begin(), name.end(), good);
}

void check_password(const std::optional<kickstart::Password>& password, const std::string& whose, int line,
                    BuildPlan& plan, Errors& errors) {
    if (!password) return;
    if (!password->crypted && well_known(password->value))
        plan.unsafe.push_back({line, whose +
                                         ": a well-known password would open every copy of the image; use a key or a "
                                         "hash of a password of your own"});
    if (password->value.find_first_of(":\n\r") != std::string::npos)
        refuse(errors, line, whose + ": the password has a colon or a line end in it");
}

}  // namespace

void plan_users(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors) {
    const auto mapped = [&](const std::string& group) {
        const auto found = plan.distribution.groups.find(group);
        return found == plan.distribution.groups.end() ? group : found->second;
    };
    for (const kickstart::Group& group : recipe.groups) {
        if (!plain_name(group.name)) refuse(errors, group.line, "group: '" + group.name + "' is not a group name");
        plan.groups.push_back(group);
    }
    std::set<std::string> names;
    for (const kickstart::User& user : recipe.users) {
        if (!plain_name(user.name)) refuse(errors, user.line, "user: '" + user.name + "' is not a user name");
        if (!names.insert(user.name).second) refuse(errors, user.line, "user " + user.name + ": is defined twice");
        check_password(user.password, "user " + user.name, user.line, plan, errors);
        UserPlan made{user.name,     user.gecos,  user.home, user.shell, {},
                      user.password, user.locked, user.uid,  user.gid,   {}};
        if (made.shell.empty()) made.shell = "/bin/bash";
        if (made.gecos.find_first_of(":\n") != std::string::npos ||
            made.home.find_first_of(":\n") != std::string::npos || made.shell.find_first_of(":\n") != std::string::npos)
            refuse(errors, user.line, "user " + user.name + ": --gecos, --homedir and --shell cannot have a colon");
        for (const std::string& group : user.groups) {
            // "wheel(10)" gives a gid with the name.
            const std::string name = mapped(group.substr(0, group.find('(')));
            if (!plain_name(name))
                refuse(errors, user.line, "user " + user.name + ": '" + group + "' is not a group name");
            if (name != group)
                plan.notes.push_back({user.line, "user " + user.name + ": group " + group + " is " + name + " here"});
            made.groups.push_back(name);
        }
        plan.users.push_back(made);
    }
    const auto add_key = [&](const std::string& user, const std::string& key, int line) {
        if (user == "root") {
            plan.root_ssh_keys.push_back(key);
            return;
        }
        const auto found =
            std::find_if(plan.users.begin(), plan.users.end(), [&](const UserPlan& u) { return u.name == user; });
        if (found == plan.users.end())
            refuse(errors, line, "an SSH key is given for user " + user + ", whom the recipe does not make");
        else
            found->ssh_keys.push_back(key);
    };
    for (const kickstart::SshKey& key : recipe.ssh_keys) {
        if (key.key.find_first_of("\r\n") != std::string::npos)
            refuse(errors, key.line, "sshkey: the key has a line end in it");
        add_key(key.user, key.key, key.line);
    }
    for (const AuthorizedKey& key : options.ssh_keys) {
        if (!key.user.empty())
            add_key(key.user, key.key, 0);
        else if (plan.users.empty())
            plan.root_ssh_keys.push_back(key.key);
        else
            for (UserPlan& user : plan.users) user.ssh_keys.push_back(key.key);
    }
    if (recipe.root_password) {
        check_password(recipe.root_password->password, "rootpw", recipe.root_password->line, plan, errors);
        if (!recipe.root_password->locked) plan.root_password = recipe.root_password->password;
        if (recipe.root_password->allow_ssh)
            plan.files.push_back({"/etc/ssh/sshd_config.d/10-root-password.conf", "PermitRootLogin yes\n"});
    } else {
        plan.notes.push_back({0, "the recipe has no rootpw: root is locked"});
    }
    const bool someone = plan.root_password || !plan.root_ssh_keys.empty() ||
                         std::any_of(plan.users.begin(), plan.users.end(), [](const UserPlan& user) {
                             return !user.ssh_keys.empty() || (user.password && !user.locked);
                         });
    if (!someone) plan.notes.push_back({0, "nobody can log in: no password and no SSH key was given (option ssh-key)"});
}

}  // namespace builders::plan
