// SPDX-License-Identifier: Apache-2.0
#include "builders/run_build.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <csignal>
#include <future>
#include <thread>

#include "builders/job/errors.hpp"
#include "builders/job/step_times.hpp"
#include "builders/packages/family.hpp"
#include "builders/packages/host_tools.hpp"
#include "builders/readiness/guest_agent.hpp"
#include "builders/readiness/readiness.hpp"
#include "builders/sandbox/control_group.hpp"
#include "builders/sandbox/id_range.hpp"
#include "builders/sandbox/way_out.hpp"
#include "builders/steps/bootloader.hpp"
#include "builders/steps/configure.hpp"
#include "formats/base/file.hpp"

namespace builders {
namespace {

namespace json = boost::json;

// Weights are seconds measured on two cores with emulation.
constexpr const char* install = "install packages";
constexpr const char* configure = "configure";
constexpr const char* scripts = "run scripts";
constexpr const char* prepare = "prepare disk";
constexpr const char* copy = "copy files";
constexpr const char* loader = "install bootloader";
constexpr const char* readiness_step = "check readiness";
constexpr const char* finish = "finish disk";

// Hands bytes from one pipe to the next and tells how many went by.
void relay(int from, int to, const std::function<void(std::uint64_t)>& done) {
    const formats::File in(from, "tree"), out(to, "disk");
    std::vector<std::byte> buffer(std::size_t{1} << 18);
    std::uint64_t count = 0;
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    while (const std::size_t got = in.read(buffer)) {
        try {
            out.write(std::span(buffer).first(got));
        } catch (const std::system_error&) {
            return;  // the other side gave up and says why itself
        }
        done(count += got);
    }
}

void check_possible(const BuildPlan& plan, const BuildHost& host) {
    check_sandbox_available();
    if (const auto why = forbidden(plan, host))
        throw StepFailed((why->line > 0 ? "line " + std::to_string(why->line) + ": " : "") + why->message);
    require_programs(packages::host_tools(plan.distribution.family));
}

class Build {
public:
    Build(const BuildPlan& plan, const BuildHost& host, const std::filesystem::path& work, const GuestFactory& guests,
          Progress& progress, std::stop_token stop)
        : plan_(plan),
          family_(packages::family_of(plan)),
          host_(host),
          work_(work),
          guests_(guests),
          progress_(progress),
          stop_(std::move(stop)) {}

    BuildResult run() {
        std::vector<std::filesystem::path> disks;
        std::vector<BuiltDisk> built;
        for (const DiskPlan& disk : plan_.storage.disks) {
            disks.push_back(work_ / ("disk" + std::to_string(disks.size() + 1) + ".raw"));
            formats::File::create(disks.back(), 0600).truncate(disk.size);
            built.push_back({disks.back(), disk.size});
        }
        Limits limits = host_.limits;
        limits.disk = plan_.storage.size();
        Sandbox sandbox(work_, limits);
        sandbox.set_host_view(family_.view);
        const packages::Sources sources = family_.sources(plan_, host_);
        const network::WayOut way_out(work_, sources.repositories, host_.allowed_hosts,
                                      [this](std::string_view line) { say(line); });
        sandbox.set_proxy(way_out.socket());

        // The appliance starts and makes the file systems while the packages are installed.
        std::stop_source give_up;
        const std::stop_callback passed_on(stop_, [&] { give_up.request_stop(); });
        std::future<std::unique_ptr<Guest>> opening = std::async(std::launch::async, [&] {
            auto guest = guests_({.disks = disks,
                                  .work = work_,
                                  .log = [this](std::string_view line) { say(line); },
                                  .stop = give_up.get_token()});
            guest->make_storage(plan_.storage);
            return guest;
        });
        try {
            install_tree(sandbox, sources);
        } catch (...) {
            give_up.request_stop();
            opening.wait();
            throw;
        }
        begin(prepare);
        const std::unique_ptr<Guest> guest = opening.get();
        begin(copy);
        copy_tree(sandbox, *guest);
        if (plan_.bootloader) {
            begin(loader);
            steps::install_bootloader(plan_, family_, *guest, progress_);
        }
        begin(readiness_step);
        check_readiness(*guest);
        begin(finish);
        guest->finish();
        remove_tree(sandbox.tree());
        steps_.end();
        return {built, report()};
    }

private:
    void begin(const char* step) {
        if (stop_.stop_requested()) throw Cancelled();
        steps_.begin(step);
    }
    void say(std::string_view line) { progress_.line(line); }

    void install_tree(Sandbox& sandbox, const packages::Sources& sources) {
        begin(install);
        steps::run_scripts(plan_.pre_scripts, "%pre", plan_.network, sandbox, progress_, stop_);
        installed_ = family_.install({.plan = plan_,
                                      .host = host_,
                                      .sources = sources,
                                      .sandbox = sandbox,
                                      .progress = progress_,
                                      .stop = stop_});
        begin(configure);
        steps::configure(plan_, sandbox, progress_, stop_);
        begin(scripts);
        steps::run_scripts(plan_.scripts, "%post", plan_.network, sandbox, progress_, stop_);
        steps::clean(plan_, family_.traces, sandbox, stop_);
        steps::part_hard_links(plan_, sandbox, stop_);
    }

    void copy_tree(Sandbox& sandbox, Guest& guest) {
        const double total = steps::tree_size(sandbox, stop_);
        std::array<int, 2> tree{}, disk{};
        if (::pipe2(tree.data(), O_CLOEXEC) != 0 || ::pipe2(disk.data(), O_CLOEXEC) != 0)
            throw std::system_error(errno, std::generic_category(), "pipe");
        std::thread mover([&] {
            relay(tree[0], disk[1],
                  [&](std::uint64_t bytes) { progress_.fraction(std::min(0.99, static_cast<double>(bytes) / total)); });
        });
        auto reading = std::async(std::launch::async, [&, end = formats::File(tree[1], "tree")]() mutable {
            const formats::File mine = std::move(end);  // closed at the end of the stream, not of the future
            sandbox.stream_tree(
                mine.descriptor(), [this](std::string_view line) { say(line); }, stop_);
        });
        const formats::File end(disk[0], "disk");
        std::exception_ptr trouble;
        try {
            guest.copy_in(end.descriptor());
        } catch (...) {
            trouble = std::current_exception();
        }
        drain(end);
        mover.join();
        reading.get();  // its own error says more than the appliance's
        if (trouble) std::rethrow_exception(trouble);
    }

    // What the appliance left unread, so that nobody waits for it.
    static void drain(const formats::File& end) {
        std::vector<std::byte> buffer(std::size_t{1} << 16);
        while (end.read(buffer) != 0) {
        }
    }

    void check_readiness(Guest& guest) {
        std::string failed;
        for (const readiness::Finding& finding : readiness::check(readiness::wanted_of(plan_, family_), guest)) {
            const std::string text = readiness::text_of(finding);
            say((finding.passed ? "ready: " : "NOT READY: ") + text);
            readiness_.push_back(readiness::to_json(finding));
            if (!finding.passed) failed += (failed.empty() ? "" : "; ") + text;
        }
        if (!failed.empty()) throw StepFailed("the image is not ready to be published: " + failed);
    }

    std::string report() const {
        json::array packages, notes;
        for (const auto& package : installed_)
            packages.push_back({{"name", package.name},
                                {"version", package.version},
                                {"architecture", package.architecture},
                                {"sha256", package.sha256}});
        for (const Note& note : plan_.notes) notes.push_back({{"line", note.line}, {"message", note.message}});
        if (const auto note = readiness::no_guest_agent(installed_, family_.agents))
            notes.push_back({{"line", 0}, {"message", *note}});
        return json::serialize(json::object{
            {"steps", steps_.done()},
            {"packages", packages},
            {"notes", notes},
            {"readiness", readiness_},
            {"sandbox",
             {{"walls", "user, mount, pid, ipc, uts and cgroup namespaces; bwrap; seccomp for programs of the tree"},
              {"network", to_string(plan_.network)},
              {"limits",
               {{"kept_by",
                 ControlGroup::possible() ? "a control group, rlimits and a watcher" : "rlimits and a watcher"},
                {"memory", host_.limits.memory},
                {"processes", host_.limits.processes},
                {"disk", plan_.storage.size()},
                {"seconds", host_.limits.seconds}}}}}});
    }

    const BuildPlan& plan_;
    const packages::Family& family_;
    const BuildHost& host_;
    std::filesystem::path work_;
    const GuestFactory& guests_;
    Progress& progress_;
    std::stop_token stop_;
    StepTimes steps_{progress_};
    json::array readiness_;
    std::vector<packages::InstalledPackage> installed_;
};

}  // namespace

std::vector<StepWeight> build_steps(const BuildPlan& plan) {
    const bool boots = plan.bootloader;
    std::vector<StepWeight> steps{
        {install, boots ? 50.0 : 25.0}, {configure, 5}, {scripts, 2}, {prepare, 2}, {copy, boots ? 20.0 : 8.0}};
    if (boots) steps.push_back({loader, 20});
    steps.push_back({readiness_step, boots ? 8.0 : 1.0});
    steps.push_back({finish, 3});
    return steps;
}

BuildResult run_build(const BuildPlan& plan, const BuildHost& host, const std::filesystem::path& work,
                      const GuestFactory& guests, Progress& progress, std::stop_token stop) {
    check_possible(plan, host);
    return Build(plan, host, work, guests, progress, std::move(stop)).run();
}

}  // namespace builders
