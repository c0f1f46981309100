/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The real-time clock and its 128 bytes of CMOS memory, ports 0x70 and 0x71.
 *
 * The time of day is the host's UTC plus a whole number of seconds, which a guest changes by
 * setting the clock. While register B's SET bit holds, or register A's divider is in reset, the
 * clock stands still and the time registers are plain memory; letting go computes the new
 * difference. Alarms and update interrupts therefore follow the host's wall clock; the periodic
 * interrupt runs on guest time. Flags are judged when register C is read, and by timers only while
 * an interrupt is enabled, so an unused clock costs nothing.
 *
 * Memory sizes and the like are where SeaBIOS and OVMF look for them (their paravirt.c and
 * PlatformInitLib). CMOS memory is battery-backed: a reset does not touch it, but rewrites those.
 *
 * Source: Motorola MC146818 datasheet; Intel ICH9 family datasheet, 13.6.
 */
#include <errno.h>
#include <time.h>

#include "base/util.h"
#include "engine/device.h"

#define PORT            0x70
#define IRQ             8
#define CMOS_SIZE       128
#define NS_PER_SECOND   UINT64_C (1000000000)
#define SECONDS_PER_DAY 86400
#define TIME_LIMIT      (INT64_C (1) << 40)

enum cmos_register {
    SECONDS = 0x00,
    SECONDS_ALARM = 0x01,
    MINUTES = 0x02,
    MINUTES_ALARM = 0x03,
    HOURS = 0x04,
    HOURS_ALARM = 0x05,
    WEEKDAY = 0x06, /* 1 is Sunday */
    DAY = 0x07,
    MONTH = 0x08,
    YEAR = 0x09,
    REGISTER_A = 0x0A,
    REGISTER_B = 0x0B,
    REGISTER_C = 0x0C,
    REGISTER_D = 0x0D,
    EQUIPMENT = 0x14,
    BASE_MEMORY = 0x15,     /* KiB below 640 K, 16 bits */
    EXTENDED_MEMORY = 0x17, /* KiB above 1 MiB, 16 bits; again at 0x30 */
    EXTENDED_MEMORY_AGAIN = 0x30,
    CENTURY = 0x32,
    MEMORY_ABOVE_16M = 0x34, /* 64 KiB units below 4 GiB, 16 bits */
    BOOT_FLAGS_1 = 0x38,     /* high nibble: third boot device; bit 0: no floppy signature check */
    BOOT_FLAGS_2 = 0x3D,     /* low nibble: first boot device, high nibble: second */
    MEMORY_ABOVE_4G = 0x5B,  /* 64 KiB units, 24 bits */
    CPUS_MINUS_1 = 0x5F,
};

#define A_UPDATE_IN_PROGRESS 0x80u
#define A_DIVIDER_RESET      0x60u /* both bits set */
#define A_DIVIDER_RUNNING    0x20u
#define A_RATE               0x0Fu
#define B_SET                0x80u
#define B_PERIODIC           0x40u
#define B_ALARM              0x20u
#define B_UPDATE             0x10u
#define B_BINARY             0x04u
#define B_24_HOURS           0x02u
#define C_REQUEST            0x80u
#define C_PERIODIC           0x40u
#define C_ALARM              0x20u
#define C_UPDATE             0x10u
#define D_VALID              0x80u

/* How long before a new second the update is announced (244 µs). */
#define UPDATE_NOTICE_NS UINT64_C (244141)
#define TICKS_PER_SECOND 32768
#define EQUIPMENT_FPU    0x02u
#define EQUIPMENT_PS2    0x04u

struct rtc {
    struct vmm_device device;
    struct vmm_region region;
    uint8_t cmos[CMOS_SIZE];
    uint8_t index;
    uint64_t offset;  /* guest time - host time in seconds, two's complement */
    uint64_t judged;  /* the guest second up to which alarms and updates have been judged */
    uint64_t periods; /* periods of guest time counted when the periodic flag was last judged */
    uint64_t boot_order;
    bool irq_level;
    struct vmm_timer second, period;
};

static bool
is_stopped (const struct rtc *self)
{
    return (self->cmos[REGISTER_B] & B_SET) ||
           (self->cmos[REGISTER_A] & A_DIVIDER_RESET) == A_DIVIDER_RESET;
}

/* Guest time in seconds since 1970; the nanoseconds into the second if asked for. */
static int64_t
guest_seconds (const struct rtc *self, uint64_t *ret_ns)
{
    struct timespec now;

    clock_gettime (CLOCK_REALTIME, &now);
    if (ret_ns)
        *ret_ns = (uint64_t) now.tv_nsec;
    return (int64_t) ((uint64_t) now.tv_sec + self->offset);
}

static uint8_t
encode (const struct rtc *self, unsigned value)
{
    return (uint8_t) (self->cmos[REGISTER_B] & B_BINARY ? value
                                                        : value / 10 % 10 * 16 + value % 10);
}

static unsigned
decode (const struct rtc *self, uint8_t value)
{
    return self->cmos[REGISTER_B] & B_BINARY ? value : (value >> 4) * 10u + (value & 0x0F);
}

/* In 12-hour mode bit 7 says afternoon and midnight is 12. */
static uint8_t
encode_hour (const struct rtc *self, unsigned hour)
{
    if (self->cmos[REGISTER_B] & B_24_HOURS)
        return encode (self, hour);
    return encode (self, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0);
}

static unsigned
decode_hour (const struct rtc *self, uint8_t value)
{
    if (self->cmos[REGISTER_B] & B_24_HOURS)
        return decode (self, value);
    return decode (self, value & 0x7F) % 12 + (value & 0x80 ? 12 : 0);
}

/* Fills the time registers from the running clock. */
static void
registers_from_time (struct rtc *self)
{
    time_t seconds = (time_t) guest_seconds (self, NULL);
    struct tm tm;
    unsigned year;

    if (!gmtime_r (&seconds, &tm))
        return;
    year = (unsigned) (tm.tm_year + 1900);
    self->cmos[SECONDS] = encode (self, (unsigned) tm.tm_sec);
    self->cmos[MINUTES] = encode (self, (unsigned) tm.tm_min);
    self->cmos[HOURS] = encode_hour (self, (unsigned) tm.tm_hour);
    self->cmos[WEEKDAY] = encode (self, (unsigned) tm.tm_wday + 1);
    self->cmos[DAY] = encode (self, (unsigned) tm.tm_mday);
    self->cmos[MONTH] = encode (self, (unsigned) tm.tm_mon + 1);
    self->cmos[YEAR] = encode (self, year % 100);
    self->cmos[CENTURY] = encode (self, year / 100 % 100);
}

/* Sets the clock by the time registers. Nonsense in them is carried over (61 seconds are 1:01). */
static void
time_from_registers (struct rtc *self)
{
    struct tm tm = {
        .tm_sec = (int) decode (self, self->cmos[SECONDS]),
        .tm_min = (int) decode (self, self->cmos[MINUTES]),
        .tm_hour = (int) decode_hour (self, self->cmos[HOURS]),
        .tm_mday = (int) decode (self, self->cmos[DAY]),
        .tm_mon = (int) decode (self, self->cmos[MONTH]) - 1,
        .tm_year =
            (int) (decode (self, self->cmos[CENTURY]) * 100 + decode (self, self->cmos[YEAR])) -
            1900,
    };
    int64_t seconds = timegm (&tm);

    self->offset += (uint64_t) (seconds - guest_seconds (self, NULL));
    self->judged = (uint64_t) seconds;
}

static bool
alarm_matches (const struct rtc *self, unsigned second_of_day)
{
    const uint8_t *cmos = self->cmos;

    /* The two top bits set mean "any". */
    return (cmos[SECONDS_ALARM] >= 0xC0 ||
            decode (self, cmos[SECONDS_ALARM]) == second_of_day % 60) &&
           (cmos[MINUTES_ALARM] >= 0xC0 ||
            decode (self, cmos[MINUTES_ALARM]) == second_of_day / 60 % 60) &&
           (cmos[HOURS_ALARM] >= 0xC0 ||
            decode_hour (self, cmos[HOURS_ALARM]) == second_of_day / 3600);
}

/* Whether an alarm fell into the seconds after @from up to @to: a day of them covers them all. */
static bool
alarm_between (const struct rtc *self, int64_t from, int64_t to)
{
    if (to - from > SECONDS_PER_DAY)
        from = to - SECONDS_PER_DAY;
    for (int64_t second = from + 1; second <= to; second++) {
        int64_t of_day = second % SECONDS_PER_DAY;

        if (alarm_matches (self, (unsigned) (of_day < 0 ? of_day + SECONDS_PER_DAY : of_day)))
            return true;
    }
    return false;
}

static void
judge_seconds (struct rtc *self)
{
    int64_t now = guest_seconds (self, NULL), last = (int64_t) self->judged;

    if (is_stopped (self))
        return;
    if (now != last)
        self->cmos[REGISTER_C] |= C_UPDATE;
    if (now > last && alarm_between (self, last, now))
        self->cmos[REGISTER_C] |= C_ALARM;
    self->judged = (uint64_t) now;
}

/* The length of a period in ticks of the 32.768 kHz oscillator, 0 if there is none. Rates 1 and 2
 * are those of 8 and 9. */
static uint64_t
period_ticks (const struct rtc *self)
{
    unsigned rate = self->cmos[REGISTER_A] & A_RATE;

    if (rate == 0 || is_stopped (self))
        return 0;
    return UINT64_C (1) << (rate <= 2 ? rate + 6 : rate - 1);
}

static uint64_t
guest_ticks (struct rtc *self)
{
    uint64_t now = vmm_clock_now (vmm_device_clock (&self->device));

    return now / NS_PER_SECOND * TICKS_PER_SECOND +
           now % NS_PER_SECOND * TICKS_PER_SECOND / NS_PER_SECOND;
}

static void
judge_periods (struct rtc *self)
{
    uint64_t ticks = period_ticks (self), periods;

    if (!ticks)
        return;
    periods = guest_ticks (self) / ticks;
    if (periods != self->periods)
        self->cmos[REGISTER_C] |= C_PERIODIC;
    self->periods = periods;
}

/* After another rate: what is past does not count. */
static void
restart_periods (struct rtc *self)
{
    uint64_t ticks = period_ticks (self);

    self->periods = ticks ? guest_ticks (self) / ticks : 0;
}

static void
arm_second (struct rtc *self)
{
    uint64_t ns = 0;

    guest_seconds (self, &ns);
    vmm_timer_arm (&self->second,
                   vmm_clock_now (vmm_device_clock (&self->device)) + NS_PER_SECOND - ns);
}

static void
arm_period (struct rtc *self)
{
    uint64_t next = (self->periods + 1) * period_ticks (self);

    vmm_timer_arm (&self->period,
                   next / TICKS_PER_SECOND * NS_PER_SECOND +
                       (next % TICKS_PER_SECOND * NS_PER_SECOND + TICKS_PER_SECOND - 1) /
                           TICKS_PER_SECOND);
}

/* Brings the interrupt and the timers in line with the flags; each flag's enable has its bit. */
static void
update (struct rtc *self)
{
    uint8_t enabled = self->cmos[REGISTER_B] & (B_PERIODIC | B_ALARM | B_UPDATE);
    bool request = self->cmos[REGISTER_C] & enabled;

    if (request)
        self->cmos[REGISTER_C] |= C_REQUEST;
    else
        self->cmos[REGISTER_C] &= (uint8_t) ~C_REQUEST;
    if (request != self->irq_level)
        vmm_irq_set (self->device.machine, IRQ, request);
    self->irq_level = request;

    /* What has its flag up already need not be waited for. */
    enabled &= (uint8_t) ~self->cmos[REGISTER_C];
    if ((enabled & (B_ALARM | B_UPDATE)) && !is_stopped (self))
        arm_second (self);
    else
        vmm_timer_disarm (&self->second);
    if ((enabled & B_PERIODIC) && period_ticks (self))
        arm_period (self);
    else
        vmm_timer_disarm (&self->period);
}

static void
timer_cb (void *data)
{
    struct rtc *self = data;

    judge_seconds (self);
    judge_periods (self);
    update (self);
}

static bool
is_time_register (unsigned index)
{
    return index == SECONDS || index == MINUTES || index == HOURS || index == CENTURY ||
           (index >= WEEKDAY && index <= YEAR);
}

static uint8_t
read_a (struct rtc *self)
{
    uint64_t ns = 0;

    guest_seconds (self, &ns);
    if (!is_stopped (self) && ns >= NS_PER_SECOND - UPDATE_NOTICE_NS)
        return self->cmos[REGISTER_A] | A_UPDATE_IN_PROGRESS;
    return self->cmos[REGISTER_A];
}

static uint8_t
read_c (struct rtc *self)
{
    uint8_t value;

    judge_seconds (self);
    judge_periods (self);
    value = self->cmos[REGISTER_C] & (C_PERIODIC | C_ALARM | C_UPDATE);
    if (value & self->cmos[REGISTER_B])
        value |= C_REQUEST;
    self->cmos[REGISTER_C] = 0;
    update (self);
    return value;
}

static uint64_t
rtc_read (void *opaque, uint64_t offset, unsigned size)
{
    struct rtc *self = opaque;

    if (offset == 0)
        return 0xFF;
    if (is_time_register (self->index) && !is_stopped (self))
        registers_from_time (self);
    switch (self->index) {
    case REGISTER_A: return read_a (self);
    case REGISTER_C: return read_c (self);
    default: return self->cmos[self->index];
    }
}

/* A write to A or B that stops the clock leaves the present time in the registers; one that starts
 * it again sets the clock by them. */
static void
write_control (struct rtc *self, uint8_t value)
{
    bool was_stopped = is_stopped (self);

    judge_seconds (self);
    judge_periods (self);
    if (!was_stopped)
        registers_from_time (self);
    self->cmos[self->index] = value;
    if (was_stopped && !is_stopped (self))
        time_from_registers (self);
    restart_periods (self);
    update (self);
}

static void
rtc_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct rtc *self = opaque;
    uint8_t byte = (uint8_t) value;

    if (offset == 0) {
        self->index = byte & 0x7F; /* bit 7 masks NMIs, of which there are none */
        return;
    }
    switch (self->index) {
    case REGISTER_A: write_control (self, byte & (uint8_t) ~A_UPDATE_IN_PROGRESS); break;
    case REGISTER_B: write_control (self, byte); break;
    case REGISTER_C:
    case REGISTER_D: break;
    default:
        if (is_time_register (self->index) && !is_stopped (self)) {
            registers_from_time (self);
            self->cmos[self->index] = byte;
            time_from_registers (self);
        } else {
            self->cmos[self->index] = byte;
        }
        update (self);
        break;
    }
}

static void
fill_memory_sizes (struct rtc *self)
{
    struct vmm_memory *memory = vmm_device_memory (&self->device);
    uint64_t low = vmm_memory_low_size (memory), high = vmm_memory_high_size (memory);
    uint64_t extended = low > MIB ? (low - MIB) / KIB : 0;
    uint64_t above_16m = low > 16 * MIB ? (low - 16 * MIB) / (64 * KIB) : 0;
    uint64_t above_4g = high / (64 * KIB);

    extended = MIN_OF (extended, UINT64_C (0xFFFF));
    above_16m = MIN_OF (above_16m, UINT64_C (0xFFFF));
    above_4g = MIN_OF (above_4g, UINT64_C (0xFFFFFF));
    store_le16 (self->cmos + BASE_MEMORY, 640);
    store_le16 (self->cmos + EXTENDED_MEMORY, (uint16_t) extended);
    store_le16 (self->cmos + EXTENDED_MEMORY_AGAIN, (uint16_t) extended);
    store_le16 (self->cmos + MEMORY_ABOVE_16M, (uint16_t) above_16m);
    store_le16 (self->cmos + MEMORY_ABOVE_4G, (uint16_t) above_4g);
    self->cmos[MEMORY_ABOVE_4G + 2] = (uint8_t) (above_4g >> 16);
}

/* Whether the time is none that the registers can hold, or far from it. */
static bool
is_absurd (int64_t seconds)
{
    return seconds < -TIME_LIMIT || seconds > TIME_LIMIT;
}

static int
rtc_post_load (void *object, struct vmm_error *error)
{
    struct rtc *self = object;

    if (is_absurd (guest_seconds (self, NULL)) || is_absurd ((int64_t) self->judged))
        return vmm_error_set (error, -EINVAL, "%s: the saved time makes no sense", self->device.id);
    self->index &= 0x7F;
    self->cmos[REGISTER_A] &= (uint8_t) ~A_UPDATE_IN_PROGRESS;
    update (self);
    return 0;
}

static const struct vmm_key rtc_keys[] = {
    {.name = "boot-order",
     .type = VMM_KEY_U64,
     .fallback = 0x023,
     .maximum = 0xFFF,
     .help = "for firmware without a boot order file: device tried first in bits 0-3, second in "
             "4-7, third in 8-11; 1 floppy, 2 disk, 3 CD-ROM, 4 network"},
};

static const struct vmm_state_field rtc_fields[] = {
    VMM_STATE_ARRAY (struct rtc, cmos), VMM_STATE (struct rtc, index),
    VMM_STATE (struct rtc, offset),     VMM_STATE (struct rtc, judged),
    VMM_STATE (struct rtc, periods),
};

static const struct vmm_state_table rtc_state = {
    .name = "rtc",
    .version = 1,
    .fields = rtc_fields,
    .n_fields = ARRAY_LENGTH (rtc_fields),
    .post_load = rtc_post_load,
};

static int
rtc_init (struct vmm_device *device, const struct vmm_device_config *config,
          struct vmm_error *error)
{
    struct rtc *self = CONTAINER_OF (device, struct rtc, device);
    int r;

    self->boot_order = vmm_config_number (device, config, "boot-order");
    vmm_device_timer_init (device, &self->second, timer_cb, self);
    vmm_device_timer_init (device, &self->period, timer_cb, self);
    self->region = (struct vmm_region) {
        .name = "rtc",
        .space = VMM_SPACE_PIO,
        .size = 2,
        .max_size = 1,
        .read = rtc_read,
        .write = rtc_write,
        .opaque = self,
        .lock = &device->lock,
    };
    r = vmm_bus_map (vmm_device_bus (device), &self->region, PORT);
    if (r < 0)
        return vmm_error_set_errno (error, r, "%s: port %#x cannot be used", device->id, PORT);
    return 0;
}

static void
rtc_reset (struct vmm_device *device)
{
    struct rtc *self = CONTAINER_OF (device, struct rtc, device);

    /* A clock that was stopped for setting goes on, as time is kept while the power is off. */
    self->index = 0;
    self->cmos[REGISTER_A] = A_DIVIDER_RUNNING | 6;
    self->cmos[REGISTER_B] = B_24_HOURS;
    self->cmos[REGISTER_C] = 0;
    self->cmos[REGISTER_D] = D_VALID;
    self->cmos[EQUIPMENT] = EQUIPMENT_FPU | EQUIPMENT_PS2;
    self->cmos[BOOT_FLAGS_1] = (uint8_t) (self->boot_order >> 8 << 4 | 1);
    self->cmos[BOOT_FLAGS_2] = (uint8_t) self->boot_order;
    self->cmos[CPUS_MINUS_1] = (uint8_t) (vmm_device_cpu_count (device) - 1);
    fill_memory_sizes (self);
    /* Left by a saved state that was refused. */
    if (is_absurd (guest_seconds (self, NULL)))
        self->offset = 0;
    self->judged = (uint64_t) guest_seconds (self, NULL);
    restart_periods (self);
    update (self);
}

static void
rtc_pause (struct vmm_device *device)
{
}

static void
rtc_resume (struct vmm_device *device)
{
    struct rtc *self = CONTAINER_OF (device, struct rtc, device);

    /* The host's clock went on while guest time stood still. */
    judge_seconds (self);
    update (self);
}

static void
rtc_fini (struct vmm_device *device)
{
    struct rtc *self = CONTAINER_OF (device, struct rtc, device);

    vmm_timer_disarm (&self->second);
    vmm_timer_disarm (&self->period);
    vmm_bus_unmap (vmm_device_bus (device), &self->region);
}

const struct vmm_device_class rtc_class = {
    .name = "rtc",
    .size = sizeof (struct rtc),
    .keys = rtc_keys,
    .n_keys = ARRAY_LENGTH (rtc_keys),
    .state = &rtc_state,
    .init = rtc_init,
    .reset = rtc_reset,
    .pause = rtc_pause,
    .resume = rtc_resume,
    .fini = rtc_fini,
};
