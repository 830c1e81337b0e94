// SPDX-License-Identifier: Apache-2.0
#include "builders/steps/configure.hpp"

#include <crypt.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <sstream>

#include "builders/job/errors.hpp"

namespace builders::steps {
namespace {

std::string joined(const std::vector<std::string>& words, const char* between) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
    return text;
}

class Tree {
public:
    Tree(Sandbox& sandbox, Progress& progress, std::stop_token stop)
        : sandbox_(sandbox), progress_(progress), stop_(std::move(stop)) {}

    // A program of the tree that must succeed. `input` may be secret and is not logged.
    void run(const std::vector<std::string>& argv, const std::string& input = {}) {
        Command command;
        command.argv = argv;
        command.input = input;
        std::string last;
        const Outcome outcome = sandbox_.run_in_tree(
            command, Network::none,
            [&](std::string_view line) {
                last = line;
                progress_.line(line);
            },
            stop_);
        if (!outcome.ok())
            throw StepFailed(joined(argv, " ") + " failed with exit code " + std::to_string(outcome.exit_code) +
                             (last.empty() ? "" : ": " + last));
    }

private:
    Sandbox& sandbox_;
    Progress& progress_;
    std::stop_token stop_;
};

// A tool of the host on the tree that must succeed; what it said is told only when it did not.
void run_host_tool(const Command& command, const std::string& what, Sandbox& sandbox, const std::stop_token& stop) {
    std::string said;
    const Outcome outcome = sandbox.run_tool(
        command, Network::none, {}, [&](std::string_view line) { said.append(line).append("\n"); }, stop);
    if (!outcome.ok()) throw StepFailed(what + " failed: " + said);
}

std::string crypted(const kickstart::Password& password) {
    if (password.crypted) return password.value;
    std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> salt{};
    crypt_data data{};
    if (!crypt_gensalt_rn("$6$", 0, nullptr, 0, salt.data(), salt.size()) ||
        !crypt_r(password.value.c_str(), salt.data(), &data))
        throw StepFailed("the password could not be hashed");
    return data.output;
}

void make_user(const UserPlan& user, Tree& tree) {
    std::vector<std::string> argv{"useradd", "--create-home", "--shell", user.shell};
    if (user.uid) argv.insert(argv.end(), {"--uid", std::to_string(*user.uid)});
    if (user.gid) {
        tree.run({"groupadd", "--force", "--gid", std::to_string(*user.gid), user.name});
        argv.insert(argv.end(), {"--gid", std::to_string(*user.gid)});
    }
    if (!user.home.empty()) argv.insert(argv.end(), {"--home-dir", user.home});
    if (!user.gecos.empty()) argv.insert(argv.end(), {"--comment", user.gecos});
    for (const std::string& group : user.groups) tree.run({"groupadd", "--force", group});
    if (!user.groups.empty()) argv.insert(argv.end(), {"--groups", joined(user.groups, ",")});
    argv.insert(argv.end(), {"--", user.name});
    tree.run(argv);
}

// As the user's own program would: the folder must be his and closed to others, or sshd ignores it.
void add_keys(const std::string& user, const std::vector<std::string>& keys, Tree& tree) {
    if (keys.empty()) return;
    tree.run({"sh", "-c",
              "home=$(getent passwd \"$0\" | cut -d: -f6) && umask 077 && mkdir -p \"$home/.ssh\" && "
              "cat >> \"$home/.ssh/authorized_keys\" && chown -R \"$0:\" \"$home/.ssh\"",
              user},
             joined(keys, "\n") + "\n");
}

}  // namespace

void configure(const BuildPlan& plan, Sandbox& sandbox, Progress& progress, std::stop_token stop) {
    Tree tree(sandbox, progress, stop);
    sandbox.write_files(plan.files, stop);
    const double total = static_cast<double>(plan.commands.size() + plan.users.size() + 2);
    double done = 1;
    for (const auto& command : plan.commands) {
        progress.line("configure: " + joined(command, " "));
        tree.run(command);
        progress.fraction(done++ / total);
    }
    for (const kickstart::Group& group : plan.groups) {
        std::vector<std::string> argv{"groupadd", "--force"};
        if (group.gid) argv.insert(argv.end(), {"--gid", std::to_string(*group.gid)});
        argv.push_back(group.name);
        tree.run(argv);
    }
    for (const UserPlan& user : plan.users) {
        progress.line("configure: user " + user.name);
        make_user(user, tree);
        if (user.password) tree.run({"chpasswd", "--encrypted"}, user.name + ":" + crypted(*user.password) + "\n");
        if (user.locked) tree.run({"usermod", "--lock", user.name});
        add_keys(user.name, user.ssh_keys, tree);
        progress.fraction(done++ / total);
    }
    if (plan.root_password)
        tree.run({"chpasswd", "--encrypted"}, "root:" + crypted(*plan.root_password) + "\n");
    else
        tree.run({"usermod", "--lock", "root"});
    add_keys("root", plan.root_ssh_keys, tree);
}

void run_scripts(const std::vector<ScriptPlan>& scripts, const std::string& what, Network network, Sandbox& sandbox,
                 Progress& progress, std::stop_token stop) {
    int number = 0;
    for (const ScriptPlan& script : scripts) {
        const std::string name = what + " of line " + std::to_string(script.line);
        const std::string path = "/var/tmp/ks-script-" + std::to_string(++number);
        progress.line(name + " with " + script.interpreter);
        sandbox.write_files({{path, script.body, 0700}}, stop);
        Command command;
        std::istringstream interpreter(script.interpreter);
        for (std::string word; interpreter >> word;) command.argv.push_back(word);
        command.argv.push_back((script.outside ? "/mnt/sysimage" : "") + path);
        std::string log;
        const LineHandler on_line = [&](std::string_view line) {
            progress.line(line);
            if (log.size() < (std::size_t{16} << 20)) log.append(line).append("\n");
        };
        const Outcome outcome = script.outside ? sandbox.run_outside(command, network, on_line, stop)
                                               : sandbox.run_in_tree(command, network, on_line, stop);
        if (!script.log.empty()) sandbox.write_files({{script.log, log, 0600}}, stop);
        Command remove;
        remove.argv = {"rm", "-f", "--", "/tree" + path};
        sandbox.run_tool(remove, Network::none, {}, {}, stop);
        if (!outcome.ok()) {
            const std::string failure = name + " failed with exit code " + std::to_string(outcome.exit_code);
            if (script.error_on_fail) throw StepFailed(failure);
            progress.line(failure + "; the build goes on, as the section has no --erroronfail");
        }
        if (what == "%post") progress.fraction(static_cast<double>(number) / static_cast<double>(scripts.size()));
    }
}

void clean(const BuildPlan& plan, const packages::Traces& traces, Sandbox& sandbox, std::stop_token stop) {
    std::string script =
        "cd /tree && rm -f etc/ssh/ssh_host_* etc/udev/rules.d/70-persistent-* var/lib/dbus/machine-id "
        "var/lib/systemd/random-seed root/.bash_history etc/machine-id etc/resolv.conf && rm -rf";
    for (const std::string& folder : traces.emptied) script += " " + folder + "/*";
    script += " var/tmp/* tmp/* run/* && find var/log -type f -exec truncate -s 0 {} +";
    if (!traces.kept.empty()) script += " && mkdir -p " + joined(traces.kept, " ");
    // Afterwards instead of while unpacking: filtering each package's archive costs more than it saves.
    if (plan.exclude_docs && !traces.documentation.empty()) script += " && " + traces.documentation;
    Command command;
    command.argv = {"sh", "-c", script};
    run_host_tool(command, "cleaning the tree", sandbox, stop);
    const bool resolved =
        std::find(plan.packages.begin(), plan.packages.end(), "systemd-resolved") != plan.packages.end();
    std::vector<TreeFile> files{{"/etc/machine-id", "", 0444}};
    if (resolved)
        files.push_back(
            {"/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf", 0777, 0, 0, TreeFile::Kind::symlink});
    else
        files.push_back({"/etc/resolv.conf", ""});
    sandbox.write_files(files, stop);
}

void part_hard_links(const BuildPlan& plan, Sandbox& sandbox, std::stop_token stop) {
    Command command;
    command.argv = {
        "sh", "-c",
        "for folder; do test ! -d \"/tree$folder\" || find \"/tree$folder\" -xdev -type f -links +1 -exec sh -c "
        "'for f; do cp -a -- \"$f\" \"$f.parted\" && mv -- \"$f.parted\" \"$f\" || exit; done' sh {} + || exit; "
        "done",
        "sh"};
    for_each_file_system(plan.storage, [&](const std::string&, const FileSystemPlan& system) {
        if (system.mount_point.size() > 1 && system.mount_point[0] == '/') command.argv.push_back(system.mount_point);
    });
    run_host_tool(command, "parting the hard links between file systems", sandbox, stop);
}

double tree_size(Sandbox& sandbox, std::stop_token stop) {
    Command command;
    command.argv = {"du", "--summarize", "--apparent-size", "--bytes", "/tree"};
    double bytes = 1;
    sandbox.run_tool(
        command, Network::none, {},
        [&](std::string_view line) {
            if (!line.empty() && line[0] >= '0' && line[0] <= '9') bytes = std::max(1.0, std::stod(std::string(line)));
        },
        stop);
    return bytes;
}

}  // namespace builders::steps
