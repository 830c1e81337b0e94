// SPDX-License-Identifier: Apache-2.0
#include "worker/run_job.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <cmath>
#include <csignal>
#include <thread>

#include "builders/job/errors.hpp"
#include "formats/base/whole_file.hpp"
#include "formats/image/conversion.hpp"
#include "formats/machine/mode_advice.hpp"
#include "formats/raw/raw.hpp"
#include "worker/build_request.hpp"
#include "worker/line_progress.hpp"
#include "worker/produce.hpp"
#include "worker/run_conversion.hpp"

namespace worker {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr const char* write_step = "write and compress";

// When whoever started us is gone, so are we, with everything we started.
void hold_lifeline() {
    std::thread([] {
        pollfd line{0, POLLIN, 0};
        char byte = 0;
        for (;;) {
            if (::poll(&line, 1, -1) < 0) continue;
            if (::read(0, &byte, 1) <= 0) ::kill(0, SIGKILL);
        }
    }).detach();
}

// SIGTERM becomes a stop request; the signal is blocked everywhere and waited for in a thread.
void stop_on_signal(std::stop_source& stop) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::thread([signals, &stop] {
        int signal = 0;
        ::sigwait(&signals, &signal);
        stop.request_stop();
    }).detach();
}

json::object details(const builders::BuildPlan& plan, const builders::BuildResult& built,
                     const std::vector<std::string>& digests, const std::string& walls) {
    json::object hardware = json::parse(to_json(plan)).as_object().at("hardware").as_object();
    json::array disks;
    for (std::size_t i = 0; i < built.disks.size(); ++i)
        disks.push_back({{"virtual_size", built.disks[i].virtual_size}, {"disk_digest", digests.at(i)}});
    hardware["disks"] = disks;
    json::object report = json::parse(built.report).as_object();
    report["hardware"] = hardware;
    json::value& stand = report.at("sandbox").as_object().at("walls");
    stand = walls + "; of its steps: " + json::value_to<std::string>(stand);
    report["distribution"] = plan.distribution.id;
    report["mode_advice"] = formats::machine::mode_advice(plan.hardware.mode);
    return report;
}

// A raw file that begins as an image of another format would be taken for that by who opens it: no recipe makes such a
// disk, but what it brings along runs where the disk is.
std::vector<formats::OutputKind> outputs_of(const builders::BuildPlan& plan,
                                            const std::vector<formats::BlockSource*>& disks) {
    std::vector<formats::OutputKind> kinds = plan.outputs;
    for (formats::OutputKind& kind : kinds) {
        kind.xxhash = plan.xxhash;
        kind.date = plan.date + "T00:00:00Z";
        if (kind.format == formats::Format::raw)
            refuse_nested({}, *disks.front(), output_name(kind), "it is not published");
    }
    return kinds;
}

void run_build_job(const fs::path& folder, const json::value& request, const std::string& walls,
                   const builders::GuestFactory& guests, LineProgress& progress, const std::stop_token& stop) {
    const builders::BuildPlan plan =
        plan_of(folder, request.as_object(), formats::read_whole_file(folder / "recipe.ks"));
    formats::write_whole_file(folder / "plan.json", to_json(plan) + "\n", 0600);

    std::vector<builders::StepWeight> steps = build_steps(plan);
    steps.push_back({write_step, plan.bootloader ? 60.0 : 6.0});
    progress.steps(steps);
    for (const builders::Note& note : plan.notes)
        progress.line("note: " + (note.line > 0 ? "line " + std::to_string(note.line) + ": " : "") + note.message);

    const fs::path work = folder / "work", out = folder / "out";
    for (const fs::path& place : {work, out}) fs::create_directory(place);
    ::chmod(work.c_str(), 0711);
    const auto* given = request.as_object().if_contains("host");
    const builders::BuildHost host =
        given ? builders::build_host_from_json(json::serialize(*given)) : builders::BuildHost();
    const builders::BuildResult built = run_build(plan, host, work, guests, progress, stop);

    progress.begin(write_step);
    const auto started = std::chrono::steady_clock::now();
    std::vector<std::unique_ptr<formats::BlockSource>> disks;
    std::vector<formats::BlockSource*> pointers;
    for (const auto& disk : built.disks) {
        disks.push_back(formats::raw::open_raw(disk.path));
        pointers.push_back(disks.back().get());
    }
    WorkerResult result{plan.release_name, plan.title, {}, {}};
    Order order{pointers, plan.hardware, outputs_of(plan, pointers), true, out, plan.release_name};
    share_memory(order.outputs, host.limits.memory, work);
    if (const auto* paths = request.as_object().if_contains("disk_paths"))
        order.disk_paths = json::value_to<std::vector<std::string>>(*paths);
    Produced produced = produce(
        order, [&](double part) { progress.fraction(part); }, stop);
    result.products = std::move(produced.products);
    for (std::size_t i = 0; i < produced.disk_digests.size(); ++i)
        progress.line("disk " + std::to_string(i + 1) + ": digest " + produced.disk_digests[i]);
    json::object report = details(plan, built, produced.disk_digests, walls);
    for (const std::string& note : produced.notes) {
        progress.line("note: " + note);
        report.at("notes").as_array().push_back({{"line", 0}, {"message", note}});
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    report.at("steps").as_array().push_back({{"name", write_step}, {"seconds", std::round(seconds * 10) / 10}});
    result.details = json::serialize(report);
    write_report(result, out);
    if (fs::exists(folder / "keep-disk"))
        for (const auto& disk : built.disks) fs::rename(disk.path, out / disk.path.filename());
    write_result(result, folder / "result.json");
}

}  // namespace

int run_job(const fs::path& given, const Tools& tools) try {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // an error of the write, as a full disk is
    const fs::path folder = fs::absolute(given);
    const json::value request = json::parse(formats::read_whole_file(folder / "request.json"));
    // There is no other thread yet: those that come are behind the same walls.
    const bool conversion = request.as_object().contains("conversion");
    const bool confined = conversion && confine_conversion(folder);
    const std::string walls = conversion ? "" : confine_build(folder, request.as_object(), tools.appliance);
    std::stop_source stop;
    stop_on_signal(stop);
    hold_lifeline();
    LineProgress progress;
    try {
        if (conversion)
            run_conversion(folder, request.as_object(), confined, tools.fetch, progress, stop.get_token());
        else
            run_build_job(folder, request, walls, tools.guests, progress, stop.get_token());
        return 0;
    } catch (const std::bad_alloc&) {
        progress.error("the job needed more memory than it may have");
    } catch (const std::exception& error) {
        progress.error(stop.stop_requested() ? "cancelled" : error.what());
    }
    return 1;
} catch (const std::exception& error) {
    LineProgress().error(error.what());
    return 1;
}

}  // namespace worker
