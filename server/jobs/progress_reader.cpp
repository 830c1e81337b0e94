// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/progress_reader.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "formats/base/text.hpp"

namespace server::jobs {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr double most_weight = 1e9;

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= ProgressReader::most_name &&
           std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string cut(std::string_view text, std::size_t most) {
    if (text.size() <= most) return formats::valid_utf8(text);
    return formats::valid_utf8(text.substr(0, most)) + " … (" + std::to_string(text.size()) + " bytes)";
}

}  // namespace

ProgressReader::ProgressReader(catalog::Job job, EventLog& events, catalog::Catalog& catalog, SecretFilter filter)
    : job_(std::move(job)), events_(events), catalog_(catalog), filter_(std::move(filter)) {}

void ProgressReader::line(std::string_view text) {
    json::error_code error;
    const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
    if (error || !protocol(value)) log(text);
}

bool ProgressReader::protocol(const json::value& value) {
    const json::object* object = value.if_object();
    if (!object || object->size() != 1) return false;
    const auto& [key, said] = *object->begin();
    if (key == "steps" && said.is_array()) return announce(said.as_array());
    if (key == "step" && said.is_string()) return begin_said(said.as_string());
    if (key == "fraction" && said.is_number()) {
        fraction(said.to_number<double>());
    } else if (key == "log" && said.is_string()) {
        log(said.as_string());
    } else if (key == "error" && said.is_string()) {
        job_.error = cut(filter_.masked(said.as_string()), most_text);
    } else {
        return false;
    }
    return true;
}

bool ProgressReader::announce(const json::array& steps) {
    if (!steps_.empty() || steps.size() > most_steps) return false;
    std::vector<std::pair<std::string, double>> read;
    double total = 0;
    for (const json::value& step : steps) {
        const json::object* object = step.if_object();
        const json::value* name = object ? object->if_contains("name") : nullptr;
        const json::value* weight = object ? object->if_contains("weight") : nullptr;
        if (!name || !name->is_string() || !is_name(name->as_string()) || !weight || !weight->is_number()) return false;
        const auto number = weight->to_number<double>();
        if (!std::isfinite(number) || number < 0 || number > most_weight) return false;
        read.emplace_back(name->as_string(), number);
        total += number;
    }
    steps_ = std::move(read);
    total_ = total;
    return true;
}

bool ProgressReader::begin_said(const json::string& step) {
    if (!is_name(step)) return false;
    if (begun_ >= most_steps) {
        no_more();
        return true;
    }
    ++begun_;
    begin(std::string(step));
    return true;
}

void ProgressReader::log(std::string_view text) {
    const std::string line = cut(filter_.masked(text), most_text);
    if (lines_ >= most_lines || bytes_ + line.size() > most_bytes) return no_more();
    ++lines_;
    bytes_ += line.size();
    events_.append("log", json::serialize(json::object{{"line", line}}));
}

void ProgressReader::no_more() {
    if (full_) return;
    full_ = true;
    events_.append("log", json::serialize(json::object{
                              {"line", "the worker has said more than is kept here (" + std::to_string(most_lines) +
                                           " lines, " + std::to_string(most_bytes >> 20) + " MiB, " +
                                           std::to_string(most_steps) + " steps): what follows is left out"}}));
}

void ProgressReader::begin(const std::string& step) {
    before_ += weight_;
    weight_ = 0;
    for (const auto& [name, weight] : steps_)
        if (name == step) weight_ = weight;
    job_.step = filter_.masked(step);
    job_.progress = std::max(job_.progress, std::min(0.99, before_ / std::max(total_, 1e-9)));
    events_.append("step", json::serialize(json::object{{"step", job_.step}, {"progress", job_.progress}}));
    save(true);
}

void ProgressReader::fraction(double of_step) {
    const double part = std::isfinite(of_step) ? std::clamp(of_step, 0.0, 1.0) : 0.0;
    job_.progress = std::max(job_.progress, std::min(0.99, (before_ + weight_ * part) / std::max(total_, 1e-9)));
    if (job_.progress - told_ < 0.002 || Clock::now() - sent_ < 200ms) return;
    told_ = job_.progress;
    sent_ = Clock::now();
    events_.append("progress",
                   json::serialize(json::object{{"step", job_.step}, {"progress", std::round(told_ * 1000) / 1000}}));
    save(false);
}

void ProgressReader::save(bool now) {
    if (!now && Clock::now() - saved_ < 1s) return;
    saved_ = Clock::now();
    try {
        catalog_.update_job(job_);
        told_lost_ = false;
    } catch (const std::exception& error) {  // how far it is, is told again; the job itself needs no catalog to go on
        if (!std::exchange(told_lost_, true))
            spdlog::error("job {}: its progress is not saved: {}", job_.id, error.what());
    }
}

}  // namespace server::jobs
