// SPDX-License-Identifier: Apache-2.0
#include "builders/guestfs_guest.hpp"

#include <dirent.h>
#include <guestfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "builders/errors.hpp"
#include "formats/base/handle.hpp"

namespace builders {
namespace {

namespace fs = std::filesystem;
using Appliance = formats::Handle<guestfs_h, guestfs_close>;
using namespace std::chrono_literals;

constexpr auto kvm_limit = 45s;   // a working KVM boots the appliance in 3 to 6 s
constexpr auto tcg_limit = 300s;  // emulation takes about 13 s here

// Processes of ours that run QEMU. libguestfs tells the pid only once it answers, which is too late.
std::vector<pid_t> emulators() {
    std::vector<pid_t> found;
    DIR* proc = ::opendir("/proc");
    if (!proc) return found;
    const std::string me = std::to_string(::getpid());
    while (const dirent* entry = ::readdir(proc)) {
        const std::string name = entry->d_name;
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        std::ifstream file("/proc/" + name + "/stat");
        std::string stat;
        std::getline(file, stat);
        const std::size_t close = stat.rfind(')');
        if (close == std::string::npos || stat.find("(qemu-system") == std::string::npos) continue;
        std::istringstream rest(stat.substr(close + 2));
        std::string state, parent;
        rest >> state >> parent;
        if (parent == me) found.push_back(std::stoi(name));
    }
    ::closedir(proc);
    return found;
}

void kill_emulators() {
    for (const pid_t pid : emulators()) ::kill(pid, SIGKILL);
}

// Kills the appliance when it has run for `limit` without the launch returning. Building the appliance,
// the first time, is not counted: the clock starts when QEMU does.
class LaunchLimit {
public:
    explicit LaunchLimit(std::chrono::seconds limit)
        : thread_([this, limit](std::stop_token stop) { watch(stop, limit); }) {}
    bool struck() const { return struck_; }

private:
    void watch(const std::stop_token& stop, std::chrono::seconds limit) {
        std::mutex mutex;
        std::condition_variable_any wake;
        std::unique_lock lock(mutex);
        auto running = 0ms;
        while (!wake.wait_for(lock, stop, 500ms, [] { return false; }) && !stop.stop_requested()) {
            running = emulators().empty() ? 0ms : running + 500ms;
            if (running < limit) continue;
            struck_ = true;
            kill_emulators();
            return;
        }
    }
    std::atomic<bool> struck_ = false;
    std::jthread thread_;
};

// That this machine's /dev/kvm cannot run a guest is found out once per kernel.
class KvmMemory {
public:
    KvmMemory() {
        const char* cache = std::getenv("XDG_CACHE_HOME");
        const char* home = std::getenv("HOME");
        file_ = fs::path(cache ? cache : std::string(home ? home : "/tmp") + "/.cache") / "xenkiln/kvm-does-not-work";
        utsname system{};
        ::uname(&system);
        std::ifstream id("/etc/machine-id");
        std::getline(id, key_);
        key_ += std::string(" ") + system.release;
    }
    bool works() const {
        if (::access("/dev/kvm", R_OK | W_OK) != 0) return false;
        std::ifstream file(file_);
        std::string known;
        std::getline(file, known);
        return known != key_;
    }
    void remember_failure() const {
        std::error_code ignored;
        fs::create_directories(file_.parent_path(), ignored);
        std::ofstream(file_) << key_ << "\n";
    }

private:
    fs::path file_;
    std::string key_;
};

void check_kernel() {
    std::error_code none;
    bool any = false;
    for (const auto& entry : fs::directory_iterator("/boot", none)) {
        if (!entry.path().filename().string().starts_with("vmlinuz-")) continue;
        any = true;
        if (::access(entry.path().c_str(), R_OK) == 0) return;
    }
    throw HostNotReady(any ? "the kernels under /boot cannot be read, and libguestfs needs one; allow it with: sudo "
                             "chmod 0644 /boot/vmlinuz-*"
                           : "there is no kernel under /boot, and libguestfs needs one; install it with: sudo apt "
                             "install linux-image-amd64");
}

void check_emulator() {
    for (const char* path : {"/usr/bin/qemu-system-x86_64", "/usr/bin/kvm"})
        if (::access(path, X_OK) == 0) return;
    throw HostNotReady("qemu-system-x86_64 is not installed; install it with: sudo apt install qemu-system-x86");
}

std::string device(const PartitionPlan& part) {
    return "/dev/sda" + std::to_string(part.number);
}

class GuestfsGuest : public Guest {
public:
    explicit GuestfsGuest(const GuestSetup& setup)
        : setup_(setup), killer_(setup.stop, [this] {
              stopped_ = true;
              kill_emulators();
          }) {
        check_kernel();
        check_emulator();
        const KvmMemory kvm;
        if (kvm.works()) {
            if (launch(false, kvm_limit)) return;
            kvm.remember_failure();
            setup_.log("/dev/kvm is there but cannot run a guest; falling back to emulation, and remembering it");
        }
        if (!launch(true, tcg_limit))
            throw HostNotReady("the libguestfs appliance did not start: " + last_error_ +
                               "; see what libguestfs-test-tool says");
    }

    void make_disk(const DiskPlan& disk) override {
        check(guestfs_part_init(g(), "/dev/sda", disk.table.c_str()), "part_init");
        for (const PartitionPlan& part : disk.partitions) {
            const auto first = static_cast<std::int64_t>(part.offset / 512);
            const auto last = static_cast<std::int64_t>((part.offset + part.size) / 512 - 1);
            check(guestfs_part_add(g(), "/dev/sda", "primary", first, last), "part_add");
            if (part.active) check(guestfs_part_set_bootable(g(), "/dev/sda", part.number, 1), "part_set_bootable");
            const int type = part.fstype == "swap" ? 0x82 : part.fstype == "vfat" ? 0x0c : 0x83;
            check(guestfs_part_set_mbr_id(g(), "/dev/sda", part.number, type), "part_set_mbr_id");
        }
        // The disk signature, which Windows and parted invent at random.
        std::string signature;
        for (int byte = 3; byte >= 0; --byte)
            signature +=
                static_cast<char>(std::stoi(disk.signature.substr(static_cast<std::size_t>(byte) * 2, 2), nullptr, 16));
        check(guestfs_pwrite_device(g(), "/dev/sda", signature.data(), signature.size(), 0x1b8), "pwrite_device");
        for (const PartitionPlan& part : disk.partitions) format(part);
        mount(disk);
    }

    void copy_in(int fd) override {
        const std::string path = "/dev/fd/" + std::to_string(fd);
        check(guestfs_tar_in_opts(g(), path.c_str(), "/", GUESTFS_TAR_IN_OPTS_XATTRS, 1, -1), "tar_in");
    }

    std::string command(const std::vector<std::string>& argv) override {
        std::vector<char*> words;
        for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));  // the API's own type
        words.push_back(nullptr);
        return taken(guestfs_command(g(), words.data()), argv.at(0).c_str());
    }

    bool exists(const std::string& path) override {
        const int there = guestfs_exists(g(), path.c_str());
        check(there < 0 ? -1 : 0, "exists");
        return there == 1;
    }

    std::string read_file(const std::string& path) override {
        std::size_t size = 0;
        char* content = guestfs_read_file(g(), path.c_str(), &size);
        check(content ? 0 : -1, ("read " + path).c_str());
        std::string text(content, size);
        std::free(content);
        return text;
    }

    void write_file(const std::string& path, const std::string& content) override {
        check(guestfs_write(g(), path.c_str(), content.data(), content.size()), ("write " + path).c_str());
    }

    std::string read_disk(std::uint64_t length) override {
        std::size_t size = 0;
        char* content = guestfs_pread_device(g(), "/dev/sda", static_cast<int>(length), 0, &size);
        check(content ? 0 : -1, "pread_device");
        std::string bytes(content, size);
        std::free(content);
        return bytes;
    }

    void finish() override {
        for (const std::string& mount_point : mounted_)
            if (guestfs_fstrim(g(), mount_point.c_str(), -1) != 0)
                setup_.log("fstrim " + mount_point + ": " + guestfs_last_error(g()));
        check(guestfs_umount_all(g()), "umount_all");
        check(guestfs_sync(g()), "sync");
        check(guestfs_shutdown(g()), "shutdown");
    }

private:
    guestfs_h* g() const { return appliance_.get(); }

    bool launch(bool emulated, std::chrono::seconds limit) {
        appliance_.reset(guestfs_create());
        if (!appliance_) throw std::bad_alloc();
        guestfs_set_error_handler(g(), nullptr, nullptr);
        guestfs_set_backend(g(), "direct");
        if (emulated) guestfs_set_backend_setting(g(), "force_tcg", "1");
        guestfs_set_memsize(g(), 1024);
        guestfs_set_smp(g(), 2);
        guestfs_set_autosync(g(), 1);
        guestfs_set_tmpdir(g(), setup_.work.c_str());
        for (const fs::path& disk : setup_.disks)
            check(guestfs_add_drive_opts(g(), disk.c_str(), GUESTFS_ADD_DRIVE_OPTS_FORMAT, "raw",
                                         GUESTFS_ADD_DRIVE_OPTS_DISCARD, "enable", GUESTFS_ADD_DRIVE_OPTS_CACHEMODE,
                                         "unsafe", -1),
                  "add_drive");
        const LaunchLimit watch(limit);
        const bool launched = guestfs_launch(g()) == 0;
        if (stopped_) throw Cancelled();
        if (launched) return true;
        const char* said = guestfs_last_error(g());
        last_error_ = watch.struck() ? "no answer within " + std::to_string(limit.count()) + " s"
                      : said         ? said
                                     : "no reason given";
        return false;
    }

    void format(const PartitionPlan& part) {
        const std::string name = device(part);
        if (part.fstype == "swap") {
            check(guestfs_mkswap_opts(g(), name.c_str(), GUESTFS_MKSWAP_OPTS_UUID, part.uuid.c_str(), -1), "mkswap");
            if (!part.label.empty()) check(guestfs_set_label(g(), name.c_str(), part.label.c_str()), "set_label");
            return;
        }
        check(part.label.empty() ? guestfs_mkfs_opts(g(), part.fstype.c_str(), name.c_str(), -1)
                                 : guestfs_mkfs_opts(g(), part.fstype.c_str(), name.c_str(), GUESTFS_MKFS_OPTS_LABEL,
                                                     part.label.c_str(), -1),
              ("make " + part.fstype + " on " + part.mount_point).c_str());
        if (part.fstype != "vfat") check(guestfs_set_uuid(g(), name.c_str(), part.uuid.c_str()), "set_uuid");
    }

    void mount(const DiskPlan& disk) {
        std::vector<const PartitionPlan*> parts;
        for (const PartitionPlan& part : disk.partitions)
            if (part.fstype != "swap") parts.push_back(&part);
        std::sort(parts.begin(), parts.end(),
                  [](const auto* a, const auto* b) { return a->mount_point < b->mount_point; });
        for (const PartitionPlan* part : parts) {
            if (part->mount_point != "/") check(guestfs_mkdir_p(g(), part->mount_point.c_str()), "mkdir");
            check(guestfs_mount(g(), device(*part).c_str(), part->mount_point.c_str()),
                  ("mount " + part->mount_point).c_str());
            mounted_.push_back(part->mount_point);
        }
    }

    void check(int result, const char* what) const {
        if (result >= 0) return;
        if (stopped_) throw Cancelled();
        const char* said = guestfs_last_error(g());
        throw StepFailed(std::string("libguestfs: ") + what + ": " + (said ? said : "the appliance ended"));
    }

    std::string taken(char* text, const char* what) const {
        check(text ? 0 : -1, what);
        std::string result = text;
        std::free(text);
        return result;
    }

    GuestSetup setup_;
    Appliance appliance_;
    std::string last_error_;
    std::vector<std::string> mounted_;
    std::atomic<bool> stopped_ = false;
    std::stop_callback<std::function<void()>> killer_;
};

}  // namespace

std::unique_ptr<Guest> open_guestfs_guest(const GuestSetup& setup) {
    return std::make_unique<GuestfsGuest>(setup);
}

}  // namespace builders
