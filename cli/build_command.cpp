// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <CLI/CLI.hpp>
#include <iostream>

#include "builders/packages/host_tools.hpp"
#include "builders/plan/build_plan.hpp"
#include "builders/plan/plan_json.hpp"
#include "builders/sandbox/control_group.hpp"
#include "builders/sandbox/id_range.hpp"
#include "cli/build_display.hpp"
#include "cli/commands.hpp"
#include "cli/image_arguments.hpp"
#include "cli/interrupt.hpp"
#include "cli/url_input.hpp"
#include "formats/base/whole_file.hpp"
#include "formats/raw/raw.hpp"
#include "formats/stream/output_file.hpp"
#include "server/clock.hpp"
#include "server/config.hpp"
#include "server/jobs/worker_process.hpp"
#include "worker/checksum_lists.hpp"
#include "worker/last_lines.hpp"
#include "worker/worker_result.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

struct Options {
    std::string recipe;
    fs::path output, work = "/var/tmp";
    std::vector<std::string> settings, keys;
    builders::BuildHost host;
    std::vector<fs::path> devices;
    bool keep_disk = false, keep_on_failure = false;
    UrlArguments url;
};

constexpr std::uint64_t largest_recipe = 4 << 20;

// What was asked for, checked before anything is started. Says everything that is wrong.
// Returns the exit code: 0, 1 for a recipe that cannot be built, 2 for options that are none.
int check(const std::string& recipe, const Options& options, json::object& request, builders::BuildPlan& plan) {
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
    for (const std::string& key : options.keys) take("ssh-key", fs::exists(key) ? formats::read_whole_file(key) : key);
    const builders::PlannedRecipe result = plan_recipe(recipe, set, server::today());
    for (const auto& error : result.errors()) complain(error.line, error.message);
    if (exit_code != 0) return exit_code;
    for (const builders::Note& note : result.planned.plan.notes)
        std::cerr << options.recipe << (note.line > 0 ? ":" + std::to_string(note.line) : "")
                  << ": note: " << note.message << "\n";
    plan = result.planned.plan;
    return 0;
}

// Opened before anything is built, and held, so that nobody mounts one meanwhile.
std::vector<std::unique_ptr<formats::ByteSink>> open_devices(const Options& options, const builders::BuildPlan& plan) {
    const std::vector<builders::DiskPlan>& disks = plan.storage.disks;
    if (!options.devices.empty() && options.devices.size() != disks.size())
        throw std::runtime_error("the recipe has " + std::to_string(disks.size()) + " disks, --device names " +
                                 std::to_string(options.devices.size()));
    std::vector<std::unique_ptr<formats::ByteSink>> sinks;
    for (std::size_t i = 0; i < options.devices.size(); ++i) {
        if (!fs::is_block_file(options.devices[i]))
            throw std::runtime_error(options.devices[i].string() + " is not a block device");
        sinks.push_back(formats::open_device_sink(options.devices[i], disks[i].size));
    }
    return sinks;
}

void write_devices(const Options& options, std::vector<std::unique_ptr<formats::ByteSink>>& devices,
                   const fs::path& built) {
    for (std::size_t i = 0; i < devices.size(); ++i) {
        const fs::path disk = built / ("disk" + std::to_string(i + 1) + ".raw");
        std::cerr << "writing " << options.devices[i].string() << "\n";
        formats::raw::write_raw(*formats::raw::open_raw(disk), *devices[i]);
        devices[i]->finish();
        if (!options.keep_disk) fs::remove(disk);
        std::cout << options.devices[i].string() << "\n";
    }
}

// What the domain's files name as its disks: the devices that are written, else the raw disks that are kept.
json::array disk_paths(const Options& options, const builders::BuildPlan& plan) {
    json::array paths;
    for (const fs::path& device : options.devices) paths.emplace_back(fs::absolute(device).lexically_normal().string());
    if (!paths.empty() || !options.keep_disk) return paths;
    const fs::path folder = fs::absolute(options.output).lexically_normal();
    for (std::size_t i = 1; i <= plan.storage.disks.size(); ++i)
        paths.emplace_back((folder / ("disk" + std::to_string(i) + ".raw")).string());
    return paths;
}

// A build's folder, gone with it however it ends.
struct WorkFolder {
    explicit WorkFolder(const fs::path& parent) {
        std::string place = (parent / "xenkiln-build-XXXXXX").string();
        if (!::mkdtemp(place.data()))
            throw std::system_error(errno, std::generic_category(), "make a folder in " + parent.string());
        path = place;
        ::chmod(place.c_str(), 0711);
    }
    WorkFolder(const WorkFolder&) = delete;
    WorkFolder& operator=(const WorkFolder&) = delete;
    ~WorkFolder() {
        if (keep) return;
        try {
            builders::remove_tree(path);
        } catch (const std::exception& error) {
            std::cerr << "xenkiln build: " << error.what() << "\n";
        }
    }
    fs::path path;
    bool keep = false;
};

void explain_failure(const BuildDisplay& display, const server::jobs::SecretFilter& filter, int exit_code,
                     const Options& options, const WorkFolder& work) {
    const fs::path log = options.output / "build.log";
    std::cerr << "The end of the log:\n";
    for (const std::string& line : worker::last_lines(log)) std::cerr << "  " << line << "\n";
    std::cerr << "xenkiln build: "
              << (!display.error().empty() ? filter.masked(display.error())
                  : exit_code > 128        ? "the worker was killed by signal " + std::to_string(exit_code - 128)
                                           : "the worker ended with exit code " + std::to_string(exit_code));
    if (!display.step().empty()) std::cerr << "\nThe step was: " << display.step();
    std::cerr << "\nThe log is " << log.string() << "\n";
    if (work.keep)
        std::cerr << "What was built is in " << (work.path / "work").string()
                  << "; delete it with: unshare --map-root-user --map-auto rm -rf " << work.path.string() << "\n";
}

// The worker made it for its user alone; an output is as readable as the user's other files are.
void move_file(const fs::path& from, const fs::path& to) {
    struct stat status {};
    if (::lstat(from.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1)
        throw std::runtime_error("the worker left " + from.string() + ", which is not a file of its own");
    const mode_t mask = ::umask(077);
    ::umask(mask);
    fs::permissions(from, fs::perms(0644 & ~mask), fs::perm_options::replace | fs::perm_options::nofollow);
    std::error_code error;
    fs::rename(from, to, error);
    if (!error) return;
    if (error != std::errc::cross_device_link) throw fs::filesystem_error("move", from, to, error);
    const formats::File source = formats::File::open_read(from);
    formats::OutputFile copy(to, {.replace = true, .sync = true});
    std::vector<std::byte> buffer(std::size_t{1} << 20);
    while (const std::size_t got = source.read(buffer)) copy.write(std::span(buffer).first(got));
    copy.finish();
    fs::remove(from);
}

std::string read_recipe(const Options& options) {
    if (is_url(options.recipe)) {
        UrlArguments url = options.url;
        url.allowed_hosts = options.host.allowed_hosts;
        return fetch_text_input(options.recipe, url, largest_recipe);
    }
    if (!options.url.sha256.empty())
        throw CLI::ValidationError("--sha256", "it is for a recipe from a URL, and " + options.recipe + " is none");
    return formats::read_whole_file(options.recipe, largest_recipe);
}

int build(const Options& options) {
    const std::string recipe = read_recipe(options);
    json::object request;
    builders::BuildPlan plan;
    if (const int wrong = check(recipe, options, request, plan)) return wrong;
    builders::check_sandbox_available();
    builders::require_programs(builders::packages::host_tools(plan.distribution.family));
    auto devices = open_devices(options, plan);
    fs::create_directories(options.output);
    builders::divide_control_group();
    WorkFolder work(options.work);
    const fs::path& folder = work.path;
    formats::write_whole_file(folder / "recipe.ks", recipe, 0600);
    formats::write_whole_file(folder / builders::plan_file, private_json(plan), 0600);
    builders::BuildHost host = options.host;
    host.open_network = true;  // whoever types the command is the operator
    json::object job{{"options", request}, {"date", plan.date}, {"host", json::parse(to_json(host))}};
    if (const json::array paths = disk_paths(options, plan); !paths.empty()) job["disk_paths"] = paths;
    formats::write_whole_file(folder / "request.json", json::serialize(job), 0600);
    if (options.keep_disk || !devices.empty()) formats::write_whole_file(folder / "keep-disk", "");

    const server::jobs::SecretFilter filter = server::jobs::filter_of(recipe);
    block_interrupts();
    BuildDisplay display;
    int exit_code = 0;
    std::atomic<bool> interrupted = false;
    {
        server::jobs::WorkerProcess worker(server::default_config().worker, folder, filter);
        const Interrupt interrupt([&] {
            interrupted = true;
            worker.cancel();
        });
        exit_code = worker.wait([&](std::string_view line) { display.line(line); });
    }
    display.end();
    fs::copy_file(folder / "log.txt", options.output / "build.log", fs::copy_options::overwrite_existing);
    work.keep = exit_code != 0 && options.keep_on_failure && !interrupted;
    if (exit_code == 0) {
        const auto result = worker::read_result(folder / "result.json");
        write_devices(options, devices, folder / "out");
        for (const auto& entry : fs::directory_iterator(folder / "out"))
            move_file(entry.path(), options.output / entry.path().filename());
        worker::write_checksum_lists(result.products, options.output);
        for (const auto& product : result.products) std::cout << (options.output / product.file_name).string() << "\n";
    } else {
        explain_failure(display, filter, exit_code, options, work);
    }
    return exit_code == 0 ? 0 : 1;
}

}  // namespace

void add_build(CLI::App& program, int& exit_code) {
    auto options = std::make_shared<Options>();
    CLI::App* command = program.add_subcommand(
        "build", "Build a recipe without a service: the same steps, the same files, in a folder.");
    command->add_option("recipe", options->recipe, "The kickstart file, or its URL")->required();
    command->add_option("--sha256", options->url.sha256, "Digest that a recipe from a URL must have: 64 hex digits");
    command
        ->add_option("--output,-o", options->output,
                     "Folder for the image, its ova.xml, report, SHA256SUMS, MD5SUMS and build.log")
        ->required();
    command->add_option("--option", options->settings, "KEY=VALUE, beats the recipe's own; repeatable");
    command->add_option("--ssh-key", options->keys, "An SSH public key, or the file it is in; repeatable");
    command
        ->add_option("--work", options->work, "Folder for temporary files; every user must be able to pass through it")
        ->capture_default_str();
    add_host_options(*command, options->host);
    command->add_flag("--keep-disk", options->keep_disk,
                      "Leave the raw disks in the output folder as well, as disk1.raw, disk2.raw …; xl.cfg and the "
                      "domain XMLs name them");
    command->add_option("--device", options->devices,
                        "Write the disk to this block device as well (a logical volume); once for each disk, in order. "
                        "It is refused when mounted or too small; what was on it is lost. xl.cfg and the domain XMLs "
                        "name it");
    command->add_flag("--keep-on-failure", options->keep_on_failure, "Leave what was built so far, and say where");
    std::string keys = "Options:\n";
    for (const auto& [key, help] : builders::option_help())
        keys += "  " + key + std::string(key.size() < 14 ? 14 - key.size() : 1, ' ') + help + "\n";
    command->footer(keys);
    command->callback([options, &exit_code] { exit_code = build(*options); });
}

}  // namespace cli
