/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

#define READING (LANDLOCK_ACCESS_FS_READ_FILE)
#define WRITING (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE)
/* Of the first version; what later ones add is asked of the kernel. */
#define HANDLED (LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1)

static const char *const programs[] = {"/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache"};

static int
add_path (struct sandbox *sandbox, const char *path, __u64 access)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access};
    AUTO_FD fd = open (path, O_PATH | O_CLOEXEC);
    struct stat status;

    if (fd < 0 || fstat (fd, &status) < 0)
        return -errno;
    if (!S_ISDIR (status.st_mode))
        rule.allowed_access &= LANDLOCK_ACCESS_FS_EXECUTE | WRITING
#ifdef LANDLOCK_ACCESS_FS_TRUNCATE
                               | LANDLOCK_ACCESS_FS_TRUNCATE
#endif
            ;
    rule.parent_fd = fd;
    return syscall (SYS_landlock_add_rule, sandbox->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) <
                   0
               ? -errno
               : 0;
}

int
sandbox_init (struct sandbox *sandbox)
{
    struct landlock_ruleset_attr attributes = {.handled_access_fs = HANDLED};
    long version = syscall (SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    sandbox->ruleset = -1;
    sandbox->there = false;
    if (version < 1)
        return 0;
#ifdef LANDLOCK_ACCESS_FS_TRUNCATE
    if (version >= 3)
        attributes.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE;
#endif
    sandbox->ruleset =
        (int) syscall (SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (sandbox->ruleset < 0)
        return -errno;
    sandbox->there = true;
    for (size_t i = 0; i < ARRAY_LENGTH (programs); i++) {
        int r = add_path (sandbox, programs[i],
                          LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                              LANDLOCK_ACCESS_FS_READ_DIR);

        if (r < 0 && r != -ENOENT)
            return r;
    }
    return add_path (sandbox, "/dev/null", WRITING);
}

void
sandbox_fini (struct sandbox *sandbox)
{
    sandbox->ruleset = close_fd (sandbox->ruleset);
}

int
sandbox_allow (struct sandbox *sandbox, const char *path, bool write)
{
    __u64 access = write ? WRITING : READING;

    if (!sandbox->there)
        return 0;
#ifdef LANDLOCK_ACCESS_FS_TRUNCATE
    if (write &&
        syscall (SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 3)
        access |= LANDLOCK_ACCESS_FS_TRUNCATE;
#endif
    return add_path (sandbox, path, access);
}

/* In the new process, where only what is safe after fork () in a program with threads may be done.
 */
static void
become (const struct sandbox *sandbox, const char *program, const char *const *arguments, int out,
        int err)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
    const struct rlimit no_core = {0, 0};
    sigset_t none;
    int null = open ("/dev/null", O_RDWR);

    sigemptyset (&none);
    sigprocmask (SIG_SETMASK, &none, NULL);
    if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        setrlimit (RLIMIT_CORE, &no_core) < 0 || null < 0 || dup2 (null, 0) < 0 ||
        dup2 (out, 1) < 0 || dup2 (err, 2) < 0)
        _exit (SANDBOX_FAILED);
    if (sandbox->there && syscall (SYS_landlock_restrict_self, sandbox->ruleset, 0) < 0)
        _exit (SANDBOX_FAILED);
    close_range (3, ~0U, 0);
    execve (program, (char *const *) arguments, (char *const *) environment);
    _exit (SANDBOX_NOT_FOUND);
}

int
sandbox_spawn (struct sandbox *sandbox, const char *const *arguments, int out, int err,
               pid_t *ret_pid)
{
    static const char *const folders[] = {"/usr/bin", "/bin", "/usr/local/bin"};
    char program[PATH_MAX];
    sigset_t all, before;
    pid_t pid;

    for (size_t i = 0; i < ARRAY_LENGTH (folders); i++) {
        snprintf (program, sizeof program, "%s/%s", folders[i], arguments[0]);
        if (access (program, X_OK) == 0)
            break;
    }
    /* No handler of ours runs in the new process. */
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    pid = fork ();
    if (pid == 0)
        become (sandbox, program, arguments, out, err);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return -errno;
    *ret_pid = pid;
    return 0;
}
