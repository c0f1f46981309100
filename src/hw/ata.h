/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The drives of the AHCI controller: commands of ATA disks (ata.c, ata-identify.c) and of ATAPI CD
 * drives (atapi.c, atapi-inform.c). Called with the controller's lock held. Sources: ATA8-ACS and
 * ACS-3; for packets SPC-3 and MMC-5.
 */
#pragma once

#include "hw/ahci.h"

#define ATA_IDENTIFY_SIZE 512
#define ATA_MAX_MULTIPLE  16
/* 512-byte blocks of ranges that one DATA SET MANAGEMENT may bring. */
#define ATA_MAX_TRIM_BLOCKS 8
#define CD_SECTOR           2048u

/* Whether the command in @fis is a native queued one, so that it may start beside others. */
bool ata_is_queued (const uint8_t *fis);
/* Carries out a command of a disk; ends in ahci_finish () or ahci_bus_error (), now or later. */
void ata_start (struct ahci_command *command);
/* The same of a CD drive. */
void atapi_start (struct ahci_command *command);

/* The registers after a reset (ACS-3, 9.12, table 206), which tell what drive this is. */
struct ata_registers ata_signature (enum ahci_kind kind);
/* Power-on values. */
void ata_reset_drive (struct ahci_drive *drive, enum ahci_kind kind);

uint64_t ata_fis_lba28 (const uint8_t *fis);
uint64_t ata_fis_lba48 (const uint8_t *fis);
uint16_t ata_fis_count (const uint8_t *fis);
/* Ends the command with an error. */
void ata_fail (struct ahci_command *command, uint8_t error);
/* Ends the command after ahci_map () and the like failed with @result. */
void ata_fail_transfer (struct ahci_command *command, int result);
/* Commands that disks and CD drives share; false if it is none of them. */
bool ata_start_common (struct ahci_command *command);
/* Ends a command that brings @length bytes by @ending. */
void
ata_answer (struct ahci_command *command, enum ahci_ending ending, const void *data, size_t length);

/* Fill in ATA_IDENTIFY_SIZE bytes. */
void ata_identify_disk (const struct ahci_drive *drive, uint8_t *data);
void ata_identify_cd (const struct ahci_drive *drive, uint8_t *data);
/* Sets the last byte so that all of @data's 512 sum up to 0. */
void ata_checksum (uint8_t *data);

/* A medium went in or out, from outside. */
void atapi_medium_changed (struct ahci_drive *drive, bool present);
/* 2048-byte sectors of the medium in the closed tray, 0: none. */
uint32_t atapi_sectors (const struct ahci_drive *drive);

/*
 * Answers of a CD drive: each fills in @data (zeroed, ATAPI_ANSWER_SIZE) from the command block and
 * returns the length, or 0 if the command block asks for what there is not.
 */
#define ATAPI_ANSWER_SIZE 4096u
size_t atapi_inquiry (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data);
size_t atapi_mode_sense (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data);
size_t atapi_read_toc (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data);
size_t
atapi_get_configuration (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data);
size_t
atapi_disc_information (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data);
size_t
atapi_track_information (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data);
size_t atapi_dvd_structure (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data);
size_t
atapi_mechanism_status (const struct ahci_drive *drive, const uint8_t *packet, uint8_t *data);
