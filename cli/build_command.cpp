// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <CLI/CLI.hpp>
#include <csignal>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <thread>

#include "builders/build_plan.hpp"
#include "builders/sandbox.hpp"
#include "cli/commands.hpp"
#include "formats/base/file.hpp"
#include "server/clock.hpp"
#include "server/config.hpp"
#include "server/jobs/worker_process.hpp"
#include "server/publish/publish.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

struct Options {
    std::string recipe;
    fs::path output, work = "/var/tmp";
    std::vector<std::string> settings, keys;
    builders::BuildHost host;
    bool keep_disk = false;
};

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(file), {}};
}

// What was asked for, checked before anything is started. Says everything that is wrong.
// Returns the exit code: 0, 1 for a recipe that cannot be built, 2 for options that are none.
int check(const std::string& recipe, const Options& options, json::object& request) {
    builders::BuildOptions set;
    int exit_code = 0;
    const auto complain = [&](int line, const std::string& what) {
        std::cerr << options.recipe << (line > 0 ? ":" + std::to_string(line) : "") << ": " << what << "\n";
        exit_code = std::max(exit_code, 1);
    };
    const auto misused = [&](const std::string& what) {
        std::cerr << "xenkiln build: " << what << "\n";
        exit_code = 2;
    };
    const auto take = [&](const std::string& key, const std::string& value) {
        if (const auto wrong = set_option(set, key, value)) return misused(*wrong);
        json::value& slot = request[key];
        if (slot.is_null()) slot = json::array();
        slot.as_array().push_back(json::string(value));
    };
    for (const std::string& setting : options.settings) {
        const std::size_t equals = setting.find('=');
        if (equals == std::string::npos)
            misused("--option " + setting + " is not KEY=VALUE");
        else
            take(setting.substr(0, equals), setting.substr(equals + 1));
    }
    for (const std::string& key : options.keys) take("ssh-key", fs::exists(key) ? read_file(key) : key);
    const kickstart::ParseResult parsed = kickstart::parse(recipe);
    for (const auto& d : parsed.diagnostics)
        if (d.severity == kickstart::Severity::error) complain(d.line, d.message);
    const auto planned = plan_build(parsed.recipe, set, server::today());
    for (const auto& error : planned.errors) complain(error.line, error.message);
    if (exit_code != 0) return exit_code;
    for (const builders::Note& note : planned.plan.notes)
        std::cerr << options.recipe << (note.line > 0 ? ":" + std::to_string(note.line) : "")
                  << ": note: " << note.message << "\n";
    return 0;
}

// One line that moves on a terminal, one line a step elsewhere.
class Display {
public:
    void line(std::string_view text) {
        json::error_code wrong;
        const json::value value = json::parse(json::string_view(text.data(), text.size()), wrong);
        const json::object* object = wrong ? nullptr : value.if_object();
        if (!object) return;
        if (const json::value* steps = object->if_contains("steps"))
            for (const json::value& step : steps->as_array()) {
                weights_.emplace_back(json::value_to<std::string>(step.at("name")),
                                      step.at("weight").to_number<double>());
                total_ += weights_.back().second;
            }
        if (const json::value* step = object->if_contains("step")) {
            done_ += weight_;
            name_ = json::value_to<std::string>(*step);
            for (const auto& [name, weight] : weights_)
                if (name == name_) weight_ = weight;
            show(0, true);
        }
        if (const json::value* fraction = object->if_contains("fraction")) show(fraction->to_number<double>(), false);
        if (const json::value* error = object->if_contains("error")) error_ = json::value_to<std::string>(*error);
    }
    const std::string& error() const { return error_; }
    void end() const {
        if (terminal_) std::cerr << "\r\033[K";
    }

private:
    void show(double part, bool step) const {
        if (!terminal_ && !step) return;
        const int percent = total_ > 0 ? static_cast<int>(100 * (done_ + weight_ * part) / total_) : 0;
        std::cerr << (terminal_ ? "\r\033[K" : "") << percent << " %  " << name_ << (terminal_ ? "" : "\n")
                  << std::flush;
    }
    bool terminal_ = ::isatty(2) == 1;
    std::vector<std::pair<std::string, double>> weights_;
    double total_ = 0, done_ = 0, weight_ = 0;
    std::string name_, error_;
};

sigset_t interrupts() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

void block_signals() {
    const sigset_t signals = interrupts();
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

// While it lives, ^C and SIGTERM do what is asked here instead of ending us: the worker stops, and
// we clean up after it. block_signals() comes first, before any thread.
class Interrupt {
public:
    explicit Interrupt(std::function<void()> act)
        : thread_([this, act = std::move(act)] {
              const sigset_t signals = interrupts();
              int signal = 0;
              while (::sigwait(&signals, &signal) == 0 && !over_) act();
          }) {}
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    ~Interrupt() {
        over_ = true;
        ::pthread_kill(thread_.native_handle(), SIGTERM);
        thread_.join();
    }

private:
    std::atomic<bool> over_ = false;
    std::thread thread_;  // last: it uses the others
};

void write_lists(const server::publish::WorkerResult& result, const fs::path& output) {
    std::ofstream sha256(output / "SHA256SUMS"), md5(output / "MD5SUMS");
    for (const auto& product : result.products) {
        sha256 << product.sha256 << "  " << product.file_name << "\n";
        md5 << product.md5 << "  " << product.file_name << "\n";
    }
    std::ofstream(output / "report.json") << result.details << "\n";
}

void move_file(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::rename(from, to, error);
    if (error) {  // another file system
        fs::copy_file(from, to, fs::copy_options::overwrite_existing);
        fs::remove(from);
    }
}

int build(const Options& options) {
    const std::string recipe = read_file(options.recipe);
    json::object request;
    if (const int wrong = check(recipe, options, request)) return wrong;
    builders::check_sandbox_available();
    fs::create_directories(options.output);
    std::string place = (options.work / "xenkiln-build-XXXXXX").string();
    if (!::mkdtemp(place.data()))
        throw std::system_error(errno, std::generic_category(), "make a folder in " + options.work.string());
    const fs::path folder = place;
    ::chmod(place.c_str(), 0711);
    std::ofstream(folder / "recipe.ks", std::ios::binary) << recipe;
    builders::BuildHost host = options.host;
    host.open_network = true;  // whoever types the command is the operator
    std::ofstream(folder / "request.json") << json::serialize(
        json::object{{"options", request}, {"date", server::today()}, {"host", json::parse(to_json(host))}});
    if (options.keep_disk) std::ofstream(folder / "keep-disk");

    block_signals();
    Display display;
    int exit_code = 0;
    {
        server::jobs::WorkerProcess worker(server::default_config().worker, folder);
        const Interrupt interrupt([&] { worker.cancel(); });
        exit_code = worker.wait([&](std::string_view line) { display.line(line); });
    }
    display.end();
    fs::copy_file(folder / "log.txt", options.output / "build.log", fs::copy_options::overwrite_existing);
    if (exit_code == 0) {
        const auto result = server::publish::read_result(folder / "result.json");
        for (const auto& entry : fs::directory_iterator(folder / "out"))
            move_file(entry.path(), options.output / entry.path().filename());
        write_lists(result, options.output);
        for (const auto& product : result.products) std::cout << (options.output / product.file_name).string() << "\n";
    } else {
        std::cerr << "xenkiln build: "
                  << (!display.error().empty() ? display.error()
                      : exit_code > 128        ? "the worker was killed by signal " + std::to_string(exit_code - 128)
                                               : "the worker ended with exit code " + std::to_string(exit_code))
                  << "\nThe log is " << (options.output / "build.log").string() << "\n";
    }
    builders::remove_tree(folder);
    return exit_code == 0 ? 0 : 1;
}

}  // namespace

void add_build(CLI::App& program, int& exit_code) {
    auto options = std::make_shared<Options>();
    CLI::App* command = program.add_subcommand(
        "build", "Build a recipe without a service: the same steps, the same files, in a folder.");
    command->add_option("recipe", options->recipe, "The kickstart file")->required();
    command
        ->add_option("--output,-o", options->output,
                     "Folder for the image, its ova.xml, SHA256SUMS, MD5SUMS, report.json and build.log")
        ->required();
    command->add_option("--option", options->settings, "KEY=VALUE, beats the recipe's own; repeatable");
    command->add_option("--ssh-key", options->keys, "An SSH public key, or the file it is in; repeatable");
    command->add_option("--work", options->work, "Folder for temporary files; every user must be able to pass it")
        ->capture_default_str();
    command->add_option(
        "--allow-host", options->host.allowed_hosts,
        "HOST or HOST:PORT that the recipe may install from although its address is not public; repeatable");
    command->add_flag("--allow-host-scripts", options->host.host_scripts,
                      "Run %pre and %post --nochroot, in the sandbox with this machine's tools");
    add_keyring_option(*command, options->host.keyrings);
    command->add_flag("--keep-disk", options->keep_disk,
                      "Leave the raw disks in the output folder as well, as disk1.raw, disk2.raw …");
    std::string keys = "Options:\n";
    for (const auto& [key, help] : builders::option_help())
        keys += "  " + key + std::string(key.size() < 14 ? 14 - key.size() : 1, ' ') + help + "\n";
    command->footer(keys);
    command->callback([options, &exit_code] { exit_code = build(*options); });
}

}  // namespace cli
