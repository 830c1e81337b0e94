// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/progress_reader.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

namespace server::jobs {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

}  // namespace

ProgressReader::ProgressReader(catalog::Job job, EventLog& events, catalog::Catalog& catalog, SecretFilter filter)
    : job_(std::move(job)), events_(events), catalog_(catalog), filter_(std::move(filter)) {}

void ProgressReader::line(std::string_view text) {
    json::error_code error;
    const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
    const json::object* object = error ? nullptr : value.if_object();
    if (!object) {
        events_.append("log", json::serialize(json::object{{"line", filter_.masked(text)}}));
    } else if (const json::value* steps = object->if_contains("steps"); steps && steps->is_array()) {
        total_ = 0;
        for (const json::value& step : steps->as_array()) {
            steps_.emplace_back(json::value_to<std::string>(step.at("name")), step.at("weight").to_number<double>());
            total_ += steps_.back().second;
        }
    } else if (const json::value* step = object->if_contains("step"); step && step->is_string()) {
        begin(json::value_to<std::string>(*step));
    } else if (const json::value* part = object->if_contains("fraction"); part && part->is_number()) {
        fraction(part->to_number<double>());
    } else if (const json::value* log = object->if_contains("log")) {
        const std::string said = log->is_string() ? json::value_to<std::string>(*log) : json::serialize(*log);
        events_.append("log", json::serialize(json::object{{"line", filter_.masked(said)}}));
    } else if (const json::value* wrong = object->if_contains("error"); wrong && wrong->is_string()) {
        fail(json::value_to<std::string>(*wrong));
    }
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
    const double part = std::clamp(of_step, 0.0, 1.0);
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
    catalog_.update_job(job_);
}

}  // namespace server::jobs
