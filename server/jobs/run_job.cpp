// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/run_job.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <mutex>
#include <thread>

#include "builders/build_report.hpp"
#include "builders/errors.hpp"
#include "builders/hardware/mode_advice.hpp"
#include "formats/raw/raw.hpp"
#include "server/publish/publish.hpp"

namespace server::jobs {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr const char* write_step = "write and compress";

// JSON lines on standard output, and the log on standard error.
class LineProgress : public builders::Progress {
public:
    void steps(const std::vector<builders::StepWeight>& steps) override {
        json::array list;
        for (const auto& step : steps) list.push_back({{"name", step.name}, {"weight", step.weight}});
        say({{"steps", list}});
    }
    void begin(std::string_view step) override {
        log("=== " + std::string(step));
        say({{"step", json::string_view(step.data(), step.size())}});
    }
    void fraction(double of_step) override {
        const std::lock_guard lock(mutex_);
        if (of_step < 1 && std::abs(of_step - last_) < 0.002) return;
        last_ = of_step;
        std::cout << json::serialize(json::object{{"fraction", of_step}}) << std::endl;
    }
    void line(std::string_view text) override {
        log(text);
        say({{"log", json::string_view(text.data(), text.size())}});
    }
    void error(const std::string& sentence) {
        log("ERROR: " + sentence);
        say({{"error", sentence}});
    }

private:
    void say(const json::object& object) {
        const std::lock_guard lock(mutex_);
        std::cout << json::serialize(object) << std::endl;
    }
    void log(std::string_view text) {
        const std::lock_guard lock(mutex_);
        std::cerr << text << std::endl;
    }
    std::mutex mutex_;
    double last_ = -1;
};

std::string read_whole(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw builders::StepFailed("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(file), {}};
}

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

builders::BuildOptions options_of(const json::object& request) {
    builders::BuildOptions options;
    for (const auto& [key, value] : request.at("options").as_object()) {
        const auto set = [&, name = std::string(key)](const json::value& one) {
            if (const auto wrong = set_option(options, name, json::value_to<std::string>(one)))
                throw builders::StepFailed(*wrong);
        };
        if (value.is_array())
            for (const json::value& one : value.as_array()) set(one);
        else
            set(value);
    }
    return options;
}

json::object details(const builders::BuildPlan& plan, const builders::BuildResult& built) {
    json::object hardware = json::parse(to_json(plan)).as_object().at("hardware").as_object();
    json::array disks;
    for (const auto& disk : built.disks) disks.push_back(json::object{{"virtual_size", disk.virtual_size}});
    hardware["disks"] = disks;
    json::object report = json::parse(built.report).as_object();
    report["hardware"] = hardware;
    report["distribution"] = plan.distribution.id;
    report["mode_advice"] = builders::hardware::mode_advice(plan.hardware.mode);
    return report;
}

// Adds the last step's time, which only the caller knows, and writes the report beside the image in both forms.
void write_report(json::object report, double seconds, const fs::path& out, publish::WorkerResult& result) {
    report.at("steps").as_array().push_back({{"name", write_step}, {"seconds", std::round(seconds * 10) / 10}});
    result.details = json::serialize(report);
    for (const auto& [text, format] : {std::pair{result.details + "\n", "report.json"},
                                       std::pair{builders::report_text(result.title, result.details), "report.txt"}})
        result.products.push_back(publish::write_text(text, format, out, result.release_name));
}

void run(const fs::path& folder, const builders::GuestFactory& guests, LineProgress& progress, std::stop_token stop) {
    const json::value request = json::parse(read_whole(folder / "request.json"));
    const kickstart::ParseResult parsed = kickstart::parse(read_whole(folder / "recipe.ks"));
    for (const auto& diagnostic : parsed.diagnostics)
        if (diagnostic.severity == kickstart::Severity::error)
            throw builders::StepFailed("line " + std::to_string(diagnostic.line) + ": " + diagnostic.message);
    const auto planned =
        plan_build(parsed.recipe, options_of(request.as_object()), json::value_to<std::string>(request.at("date")));
    for (const auto& error : planned.errors)
        throw builders::StepFailed((error.line > 0 ? "line " + std::to_string(error.line) + ": " : "") + error.message);
    const builders::BuildPlan& plan = planned.plan;
    std::ofstream(folder / "plan.json") << to_json(plan) << "\n";

    std::vector<builders::StepWeight> steps = build_steps(plan);
    steps.push_back({write_step, plan.bootloader ? 60.0 : 6.0});
    progress.steps(steps);
    for (const builders::Note& note : plan.notes)
        progress.line("note: " + (note.line > 0 ? "line " + std::to_string(note.line) + ": " : "") + note.message);

    const fs::path work = folder / "work", out = folder / "out";
    for (const fs::path& place : {work, out}) fs::create_directory(place);
    ::chmod(work.c_str(), 0711);
    const auto* host = request.as_object().if_contains("host");
    const builders::BuildResult built =
        run_build(plan, host ? builders::build_host_from_json(json::serialize(*host)) : builders::BuildHost(), work,
                  guests, progress, stop);

    progress.begin(write_step);
    const auto started = std::chrono::steady_clock::now();
    std::vector<std::unique_ptr<formats::BlockSource>> disks;
    std::vector<formats::BlockSource*> pointers;
    for (const auto& disk : built.disks) {
        disks.push_back(formats::raw::open_raw(disk.path));
        pointers.push_back(disks.back().get());
    }
    formats::xva::XvaOptions options;
    options.checksum = plan.xxhash ? formats::xva::Checksum::xxhash : formats::xva::Checksum::sha1;
    options.date = plan.date + "T00:00:00Z";
    publish::WorkerResult result{plan.release_name, plan.title, {}, {}};
    result.products = publish::produce(
        pointers, plan.hardware, options, plan.outputs, out, plan.release_name,
        [&](std::uint64_t done, std::uint64_t all) {
            progress.fraction(static_cast<double>(done) / static_cast<double>(all));
        },
        stop);
    write_report(details(plan, built),
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count(), out, result);
    if (fs::exists(folder / "keep-disk"))
        for (const auto& disk : built.disks) fs::rename(disk.path, out / disk.path.filename());
    write_result(result, folder / "result.json");
}

}  // namespace

int run_job(const fs::path& folder, const builders::GuestFactory& guests) {
    ::signal(SIGPIPE, SIG_IGN);
    std::stop_source stop;
    stop_on_signal(stop);
    hold_lifeline();
    LineProgress progress;
    try {
        run(fs::absolute(folder), guests, progress, stop.get_token());
        return 0;
    } catch (const std::exception& error) {
        progress.error(stop.stop_requested() ? "cancelled" : error.what());
    }
    return 1;
}

}  // namespace server::jobs
