// SPDX-License-Identifier: Apache-2.0
#pragma once
// A worker's standard error on its way to <job>/log.txt: a pipe, and a thread that takes the secrets out of what comes
// through it. Nothing reaches the disk before that, so the log may be read while the job runs.
#include <filesystem>
#include <thread>

#include "formats/base/file.hpp"
#include "server/jobs/secret_filter.hpp"

namespace server::jobs {

class MaskedLog {
public:
    // Goes on after what is in the file already. Throws std::system_error.
    MaskedLog(const std::filesystem::path& file, const SecretFilter& filter);
    ~MaskedLog();  // what is in the pipe by now is written; whoever still holds its other end is not waited for
    MaskedLog(const MaskedLog&) = delete;
    MaskedLog& operator=(const MaskedLog&) = delete;

    int write_end() const { return in_.descriptor(); }  // for the child
    void started() { in_.close(); }                     // the child has it

private:
    void write(SecretFilter filter) const;

    formats::File file_, out_, in_, end_;
    std::thread thread_;
};

}  // namespace server::jobs
