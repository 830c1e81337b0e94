// SPDX-License-Identifier: Apache-2.0
#pragma once
// A worker's lines (run_job.hpp) → the job's row and events. The row is written about once a second.
//
// A worker may say anything. What is not of the protocol, word for word, becomes a log event; texts are cut, and what
// is no UTF-8 in them replaced; progress never goes back. A job has a bounded number of steps and of events: what comes
// behind them is not kept, which one last event says. (The worker's log file still has its log.)
#include <boost/json.hpp>
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
    static constexpr std::size_t most_steps = 200;                    // announced, and begun
    static constexpr std::size_t most_name = 200;                     // bytes of a step's name
    static constexpr std::size_t most_text = 8192;                    // bytes of a log event's line, or of an error
    static constexpr std::size_t most_lines = 20000;                  // log events of one job
    static constexpr std::size_t most_bytes = std::size_t{16} << 20;  // in all of them

    // What `filter` knows of is in no event and in no row.
    ProgressReader(catalog::Job job, EventLog& events, catalog::Catalog& catalog, SecretFilter filter = {});

    void line(std::string_view text);  // throws only what event log and catalog throw
    void begin(const std::string& step);
    void fail(const std::string& error) { job_.error = filter_.masked(error); }
    catalog::Job& job() { return job_; }

private:
    bool protocol(const boost::json::value& value);  // false: it is none
    bool announce(const boost::json::array& steps);
    bool begin_said(const boost::json::string& step);
    void log(std::string_view text);
    void no_more();
    void fraction(double of_step);
    void save(bool now);

    catalog::Job job_;
    EventLog& events_;
    catalog::Catalog& catalog_;
    SecretFilter filter_;
    std::vector<std::pair<std::string, double>> steps_;
    double total_ = 1, before_ = 0, weight_ = 0, told_ = 0;
    bool told_lost_ = false;  // that the row could not be written
    std::size_t begun_ = 0, lines_ = 0, bytes_ = 0;
    bool full_ = false;
    std::chrono::steady_clock::time_point saved_{}, sent_{};
};

}  // namespace server::jobs
