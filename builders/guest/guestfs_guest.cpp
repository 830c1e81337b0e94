// SPDX-License-Identifier: Apache-2.0
#include "builders/guest/guestfs_guest.hpp"

#include <dirent.h>
#include <guestfs.h>
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
#include <system_error>
#include <thread>

#include "builders/guest/kvm_memory.hpp"
#include "builders/job/errors.hpp"
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

void check_emulator() {
    for (const char* path : {"/usr/bin/qemu-system-x86_64", "/usr/bin/kvm"})
        if (::access(path, X_OK) == 0) return;
    throw HostNotReady("qemu-system-x86_64 is not installed; install it with: sudo apt install qemu-system-x86");
}

// GPT partition types (UEFI 2.10, table 5.6; Discoverable Partitions; GRUB's own).
const char* gpt_type(const PartitionPlan& part) {
    switch (part.kind) {
        case PartitionKind::bios_boot:
            return "21686148-6449-6E6F-744E-656564454649";
        case PartitionKind::efi_system:
            return "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
        case PartitionKind::lvm:
            return "E6D6D379-F507-44C2-A23C-238F2A3DF928";
        case PartitionKind::file_system:
            break;
    }
    return part.file_system.is_swap() ? "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F" : "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
}

int mbr_type(const PartitionPlan& part) {
    if (part.kind == PartitionKind::lvm) return 0x8e;
    return part.file_system.is_swap() ? 0x82 : part.file_system.fstype == "vfat" ? 0x0c : 0x83;
}

class GuestfsGuest : public Guest {
public:
    explicit GuestfsGuest(const GuestSetup& setup)
        : setup_(setup), killer_(setup.stop, [this] {
              stopped_ = true;
              kill_emulators();
          }) {
        check_emulator();
        const KvmMemory kvm;
        if (::access("/dev/kvm", R_OK | W_OK) == 0 && !kvm.known_broken()) {
            if (launch(false, kvm_limit)) return;
            const std::string why_not = kvm.remember();
            setup_.log("/dev/kvm is there but cannot run a guest; falling back to emulation, and " +
                       (why_not.empty() ? "remembering it" : "the next build tries it again: " + why_not));
        }
        if (!launch(true, tcg_limit))
            throw HostNotReady("the libguestfs appliance did not start: " + last_error_ +
                               "; see what libguestfs-test-tool says");
    }

    void make_storage(const StoragePlan& storage) override {
        for (std::size_t index = 0; index < storage.disks.size(); ++index)
            if (storage.disks[index].table != "none") make_table(index, storage.disks[index]);
        for (const VolumeGroupPlan& group : storage.groups) make_group(group);
        std::vector<std::pair<std::string, const FileSystemPlan*>> systems;
        for_each_file_system(storage, [&](const std::string& name, const FileSystemPlan& system) {
            format(name, system);
            if (!system.is_swap()) systems.emplace_back(name, &system);
        });
        std::sort(systems.begin(), systems.end(),
                  [](const auto& a, const auto& b) { return a.second->mount_point < b.second->mount_point; });
        for (const auto& [name, system] : systems) mount(name, system->mount_point);
    }

    std::string disk_link(std::size_t index) const override { return "/dev/disk/guestfs/" + label(index); }

    void copy_in(int fd) override {
        const std::string path = "/dev/fd/" + std::to_string(fd);
        check(guestfs_tar_in_opts(g(), path.c_str(), "/", GUESTFS_TAR_IN_OPTS_XATTRS, 1, -1), "tar_in");
    }

    std::string command(const std::vector<std::string>& argv) override {
        std::vector<char*> words;
        words.reserve(argv.size() + 1);
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
    static std::string label(std::size_t index) { return std::string("disk") + static_cast<char>('a' + index); }
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
        guestfs_set_cachedir(g(), setup_.work.c_str());  // what QEMU writes over the appliance's own disk
        for (std::size_t index = 0; index < setup_.disks.size(); ++index)
            check(guestfs_add_drive_opts(g(), setup_.disks[index].c_str(), GUESTFS_ADD_DRIVE_OPTS_LABEL,
                                         label(index).c_str(), GUESTFS_ADD_DRIVE_OPTS_FORMAT, "raw",
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

    void make_table(std::size_t index, const DiskPlan& disk) {
        const std::string name = device(index);
        const bool gpt = disk.table == "gpt";
        check(guestfs_part_init(g(), name.c_str(), disk.table.c_str()), "part_init");
        for (const PartitionPlan& part : disk.partitions) {
            const auto first = static_cast<std::int64_t>(part.offset / 512);
            const auto last = static_cast<std::int64_t>((part.offset + part.size) / 512 - 1);
            check(guestfs_part_add(g(), name.c_str(), "primary", first, last), "part_add");
            if (gpt) {
                check(guestfs_part_set_gpt_type(g(), name.c_str(), part.number, gpt_type(part)), "part_set_gpt_type");
                continue;
            }
            if (part.active) check(guestfs_part_set_bootable(g(), name.c_str(), part.number, 1), "part_set_bootable");
            check(guestfs_part_set_mbr_id(g(), name.c_str(), part.number, mbr_type(part)), "part_set_mbr_id");
        }
        if (gpt) return;
        // The disk signature, which Windows and parted invent at random.
        std::string signature;
        for (int byte = 3; byte >= 0; --byte)
            signature +=
                static_cast<char>(std::stoi(disk.signature.substr(static_cast<std::size_t>(byte) * 2, 2), nullptr, 16));
        check(guestfs_pwrite_device(g(), name.c_str(), signature.data(), signature.size(), 0x1b8), "pwrite_device");
    }

    void make_group(const VolumeGroupPlan& group) {
        std::vector<char*> devices;
        for (const std::string& name : group.physical_volumes) {
            check(guestfs_pvcreate(g(), name.c_str()), ("make a physical volume on " + name).c_str());
            devices.push_back(const_cast<char*>(name.c_str()));  // the API's own type
        }
        devices.push_back(nullptr);
        check(guestfs_vgcreate(g(), group.name.c_str(), devices.data()), ("make volume group " + group.name).c_str());
        for (const LogicalVolumePlan& volume : group.volumes)
            check(guestfs_lvcreate(g(), volume.name.c_str(), group.name.c_str(), static_cast<int>(volume.size >> 20)),
                  ("make logical volume " + volume.name).c_str());
    }

    void format(const std::string& name, const FileSystemPlan& system) {
        const std::string what = "make " + system.fstype + " for " + system.mount_point;
        if (system.is_swap()) {
            check(guestfs_mkswap_opts(g(), name.c_str(), GUESTFS_MKSWAP_OPTS_UUID, system.uuid.c_str(), -1), "mkswap");
            if (!system.label.empty()) check(guestfs_set_label(g(), name.c_str(), system.label.c_str()), "set_label");
            return;
        }
        check(system.label.empty() ? guestfs_mkfs_opts(g(), system.fstype.c_str(), name.c_str(), -1)
                                   : guestfs_mkfs_opts(g(), system.fstype.c_str(), name.c_str(),
                                                       GUESTFS_MKFS_OPTS_LABEL, system.label.c_str(), -1),
              what.c_str());
        if (system.fstype == "vfat")
            set_fat_serial(name, system.uuid);
        else
            check(guestfs_set_uuid(g(), name.c_str(), system.uuid.c_str()), "set_uuid");
    }

    // FAT's volume serial number, which libguestfs cannot set: in the boot sector and, of FAT32, in its copy in
    // sector 6 (Microsoft FAT specification 1.03, BS_VolID at 0x27 and 0x43).
    void set_fat_serial(const std::string& name, const std::string& uuid) {
        const std::string hex = uuid.substr(0, 4) + uuid.substr(5, 4);
        std::string serial;
        for (int byte = 3; byte >= 0; --byte)
            serial += static_cast<char>(std::stoi(hex.substr(static_cast<std::size_t>(byte) * 2, 2), nullptr, 16));
        std::size_t size = 0;
        char* sector = guestfs_pread_device(g(), name.c_str(), 512, 0, &size);
        check(sector && size == 512 ? 0 : -1, "read the boot sector");
        const bool fat32 = std::string_view(sector + 0x52, 5) == "FAT32";
        std::free(sector);
        const auto write = [&](std::int64_t at) {
            check(guestfs_pwrite_device(g(), name.c_str(), serial.data(), serial.size(), at), "write the FAT serial");
        };
        write(fat32 ? 0x43 : 0x27);
        if (fat32) write(6 * 512 + 0x43);
    }

    void mount(const std::string& name, const std::string& mount_point) {
        if (mount_point != "/") check(guestfs_mkdir_p(g(), mount_point.c_str()), "mkdir");
        check(guestfs_mount(g(), name.c_str(), mount_point.c_str()), ("mount " + mount_point).c_str());
        mounted_.push_back(mount_point);
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
