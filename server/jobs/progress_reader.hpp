// SPDX-License-Identifier: Apache-2.0
#pragma once
// A worker's lines (run_job.hpp) → the job's row and events. The row is written about once a second.
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "server/catalog/catalog.hpp"
#include "server/jobs/event_log.hpp"
#include "server/jobs/secret_filter.hpp"

namespace server::jobs {

class ProgressReader {
public:
    // What `filter` knows of is in no event and in no row.
    ProgressReader(catalog::Job job, EventLog& events, catalog::Catalog& catalog, SecretFilter filter = {});

    void line(std::string_view text);  // a line that is not of the protocol becomes a log event
    void begin(const std::string& step);
    void fail(const std::string& error) { job_.error = filter_.masked(error); }
    catalog::Job& job() { return job_; }

private:
    void fraction(double of_step);
    void save(bool now);

    catalog::Job job_;
    EventLog& events_;
    catalog::Catalog& catalog_;
    SecretFilter filter_;
    std::vector<std::pair<std::string, double>> steps_;
    double total_ = 1, before_ = 0, weight_ = 0, told_ = 0;
    std::chrono::steady_clock::time_point saved_{}, sent_{};
};

}  // namespace server::jobs
