// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <iostream>

#include "builders/guest/appliance.hpp"
#include "builders/guest/guestfs_guest.hpp"
#include "builders/network/fetch.hpp"
#include "worker/run_job.hpp"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: xenkiln-worker JOB_FOLDER\n"
                     "Runs one job; started by `xenkiln serve` and `xenkiln build`.\n";
        return 2;
    }
    ::umask(077);  // recipe, plan, disks and products are for whoever started us
    return worker::run_job(argv[1],
                           {builders::open_guestfs_guest, builders::prepare_appliance, builders::network::fetch});
}
