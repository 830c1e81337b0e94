// SPDX-License-Identifier: Apache-2.0
// A worker program that was taken over, run by the real queue: what it says reaches nobody, what it leaves behind is
// ended.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include "server/jobs/job_runner.hpp"
#include "tests/support/judges.hpp"

namespace server::jobs {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using catalog::JobState;
using testing::HasSubstr;
using namespace std::chrono_literals;

// The name of the conversion says how it behaves.
constexpr const char* worker = R"py(#!/usr/bin/env python3
import hashlib, json, os, pathlib, sys, time
job = pathlib.Path(sys.argv[1])
request = json.loads((job / 'request.json').read_text())
name, out = request['conversion']['name'], job / 'out'
stem = name + '-' + request['date']
out.mkdir(exist_ok=True)
content = b'a disk'
product = out / (stem + '.raw')
product.write_bytes(content)
sha256, md5 = hashlib.sha256(content).hexdigest(), hashlib.md5(content).hexdigest()
if name == 'babbles':
    print('{"steps":[{"name":1}]}\n{"step":[]}\n{"fraction":1e400}\n{"error":{}}', flush=True)
    sys.stdout.buffer.write(b'\xff\xfe\x00\n' * 1000)
    sys.stdout.flush()
if name in ('leaves', 'fails'):
    if os.fork() == 0:
        os.setsid()
        if os.fork() > 0:
            os._exit(0)
        held = open(product, 'r+b', buffering=0) if name == 'leaves' else None
        for descriptor in (0, 1, 2):
            os.close(descriptor)
        (job / 'survivor').write_text(str(os.getpid()))
        while True:
            time.sleep(0.01)
            if held:
                held.seek(0)
                held.write(b'A DISK')
    while not (job / 'survivor').exists() or not (job / 'survivor').read_text():
        time.sleep(0.01)
    if name == 'fails':
        sys.exit(3)
    while product.read_bytes() == content:
        time.sleep(0.01)
    sha256, md5 = hashlib.sha256(b'A DISK').hexdigest(), hashlib.md5(b'A DISK').hexdigest()
if name == 'lies':
    sha256 = '../../.ssh/authorized_keys'
result = {'release_name': stem, 'title': name + ', converted from x.qcow2', 'details': {'kind': 'conversion'},
          'products': [{'file_name': product.name, 'format': 'raw', 'size': 6, 'sha256': sha256, 'md5': md5,
                        'image_size': 6, 'image_sha256': sha256, 'image_md5': md5}]}
(out / 'result.json').write_text(json.dumps(result))
)py";

class LyingWorker : public testing::Test {
protected:
    LyingWorker() {
        config.data = folder / "data";
        config.worker = folder / "worker";
        config.reserved_bytes = 0;
        fs::create_directory(config.data);
        std::ofstream(config.worker) << worker;
        fs::permissions(config.worker, fs::perms::owner_all);
        catalog = catalog::Catalog::open(config.data / "catalog.db");
        store = std::make_unique<store::Store>(config.data / "store");
        runner = JobRunner::start(config, *catalog, *store);
    }

    std::string submit(const std::string& name) {
        const json::object request{{"conversion",
                                    {{"source", {{"url", "http://x/x.qcow2"}}},
                                     {"outputs", json::array{json::object{{"format", "raw"}}}},
                                     {"name", name}}},
                                   {"source", {{"name", "x.qcow2"}}}};
        return runner->submit({{}, json::serialize(request), "conversion"});
    }
    catalog::Job finished(const std::string& id) {
        for (int round = 0; round < 12000; ++round) {
            const auto job = catalog->job(id).value();
            if (job.state != JobState::queued && job.state != JobState::running && job.state != JobState::publishing)
                return job;
            std::this_thread::sleep_for(10ms);
        }
        ADD_FAILURE() << "the job does not end";
        return {};
    }
    pid_t survivor(const std::string& id) const {
        std::ifstream file(config.data / "jobs" / id / "survivor");
        pid_t pid = 0;
        file >> pid;
        return pid;
    }

    support::TemporaryFolder folder;
    Config config;
    std::unique_ptr<catalog::Catalog> catalog;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<JobRunner> runner;
};

TEST_F(LyingWorker, is_published_when_it_does_not_lie) {
    const catalog::Job job = finished(submit("honest"));
    EXPECT_EQ(job.state, JobState::done) << job.error;
    EXPECT_TRUE(catalog->release(job.release));
}

TEST_F(LyingWorker, whose_digest_is_a_path_fails_its_job_and_writes_nowhere) {
    const catalog::Job job = finished(submit("lies"));
    EXPECT_EQ(job.state, JobState::failed);
    EXPECT_THAT(job.error, HasSubstr("products[0].sha256"));
    EXPECT_FALSE(fs::exists(folder / ".ssh"));
    EXPECT_TRUE(store->digests().empty());
    EXPECT_TRUE(catalog->releases(10).empty());
    EXPECT_EQ(finished(submit("honest")).state, JobState::done);
}

TEST_F(LyingWorker, that_leaves_a_process_behind_has_it_ended_before_anything_is_published) {
    const std::string id = submit("leaves");
    const catalog::Job job = finished(id);
    EXPECT_EQ(job.state, JobState::done) << job.error;
    ASSERT_GT(survivor(id), 1);
    EXPECT_EQ(::kill(survivor(id), 0), -1) << "it lives";
    const auto release = catalog->release(job.release).value();
    for (const auto& artifact : release.artifacts)
        if (artifact.format == "raw") {
            std::ifstream file(config.data / "releases" / release.name / artifact.file_name);
            EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "A DISK");
        }
}

TEST_F(LyingWorker, that_fails_has_what_it_left_behind_ended_as_well) {
    const std::string id = submit("fails");
    EXPECT_EQ(finished(id).state, JobState::failed);
    ASSERT_GT(survivor(id), 1);
    EXPECT_EQ(::kill(survivor(id), 0), -1) << "it lives";
}

TEST_F(LyingWorker, that_babbles_has_its_events_readable_for_all) {
    const std::string id = submit("babbles");
    EXPECT_EQ(finished(id).state, JobState::done);
    std::uint64_t seen = 0;
    for (;;) {
        const auto some = runner->events(id, seen, 0);
        seen += some.events.size();
        if (some.ended) break;
        ASSERT_FALSE(some.events.empty());
    }
    EXPECT_GT(seen, 1000U);
}

TEST_F(LyingWorker, two_jobs_of_one_name_get_two_releases) {
    const std::string one = submit("honest"), two = submit("honest");
    EXPECT_NE(finished(one).release, finished(two).release);
}

}  // namespace
}  // namespace server::jobs
