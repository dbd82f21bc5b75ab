// SPDX-License-Identifier: GPL-2.0
/*
 * Functions of PCI that are bound to this driver. While one is Cordon's, its configuration space reads as all ones and its BARs abort, so
 * nobody here touches them. Its driver can be unbound only when no VM has it: who tries waits.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "configuration.h"
#include "cordon/kvm.h"
#include "function.h"

struct function {
	struct list_head list;
	struct pci_dev *pci;
	struct vm *vm;			/* whose it is, or NULL */
	bool let_go;			/* its driver is gone: who releases it frees it */
	bool prepared;
};

/* Of the list and all that is above. */
static LIST_HEAD(functions);
static DEFINE_MUTEX(functions_lock);
static DECLARE_WAIT_QUEUE_HEAD(released);

/* ---- bound and unbound ---- */

static int bind(struct pci_dev *pci, const struct pci_device_id *id)
{
	struct function *f;

	if (pci->hdr_type != PCI_HEADER_TYPE_NORMAL)
		return -EINVAL;
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	f->pci = pci_dev_get(pci);
	pci_set_drvdata(pci, f);
	mutex_lock(&functions_lock);
	list_add_tail(&f->list, &functions);
	mutex_unlock(&functions_lock);
	pci_info(pci, "can be given to a guest\n");
	return 0;
}

static void free_function(struct function *f)
{
	pci_dev_put(f->pci);
	kfree(f);
}

static bool is_free(const struct function *f)
{
	bool is;

	mutex_lock(&functions_lock);
	is = f->vm == NULL;
	mutex_unlock(&functions_lock);
	return is;
}

/*
 * Waits for the guest's end. Only who is killed meanwhile does not: the function is still Cordon's then, and whoever binds to it finds
 * all ones.
 */
static void unbind(struct pci_dev *pci)
{
	struct function *f = pci_get_drvdata(pci);
	bool in_use;

	if (!is_free(f))
		pci_info(pci, "waits for the end of the guest that has it\n");
	if (wait_event_killable(released, is_free(f)) != 0)
		pci_warn(pci, "is unbound while a guest has it\n");
	mutex_lock(&functions_lock);
	list_del(&f->list);
	in_use = f->vm != NULL;
	f->let_go = true;
	mutex_unlock(&functions_lock);
	if (!in_use)
		free_function(f);
}

/* No identifiers: it is bound to what names it, and to nothing else. */
static struct pci_driver driver = {
	.name = CORDON_KVM_DRIVER,
	.probe = bind,
	.remove = unbind,
};

int function_init(void)
{
	return pci_register_driver(&driver);
}

void function_exit(void)
{
	pci_unregister_driver(&driver);
}

/* ---- claimed and released ---- */

static struct function *find(u32 domain, u32 bus, u32 devfn)
{
	struct function *f;

	list_for_each_entry(f, &functions, list) {
		if (pci_domain_nr(f->pci->bus) == domain && f->pci->bus->number == bus && f->pci->devfn == devfn)
			return f;
	}
	return NULL;
}

struct function *function_claim(struct vm *vm, u32 domain, u32 bus, u32 devfn)
{
	struct function *f;

	mutex_lock(&functions_lock);
	f = find(domain, bus, devfn);
	if (!f)
		f = ERR_PTR(-ENODEV);
	else if (f->vm)
		f = ERR_PTR(-EBUSY);
	else
		f->vm = vm;
	mutex_unlock(&functions_lock);
	return f;
}

void function_release(struct function *f)
{
	bool last;

	mutex_lock(&functions_lock);
	f->vm = NULL;
	last = f->let_go;
	mutex_unlock(&functions_lock);
	wake_up_all(&released);
	if (last)
		free_function(f);
}

/* ---- what its claimant does with it ---- */

struct pci_dev *function_pci(const struct function *f)
{
	return f->pci;
}

u64 function_frame(const struct function *f)
{
	return configuration_frame(f->pci);
}

bool function_has_bar(const struct function *f, u32 i)
{
	return pci_resource_len(f->pci, i) != 0 && (pci_resource_flags(f->pci, i) & IORESOURCE_MEM) != 0;
}

/* Enabled, so that the bridges above it forward what it asks for; it itself masters no bus until Cordon lets it. */
int function_prepare(struct function *f)
{
	int ret = pci_enable_device_mem(f->pci);

	if (ret != 0)
		return ret;
	pci_clear_master(f->pci);
	ret = pci_request_regions(f->pci, CORDON_KVM_DRIVER);
	if (ret == 0) {
		ret = pci_save_state(f->pci);
		if (ret == 0) {
			f->prepared = true;
			return 0;
		}
		pci_release_regions(f->pci);
	}
	pci_disable_device(f->pci);
	return ret;
}

void function_restore(struct function *f)
{
	if (!f->prepared)
		return;
	pci_restore_state(f->pci);
	pci_release_regions(f->pci);
	pci_disable_device(f->pci);
	f->prepared = false;
}

/* ---- its interrupt line ---- */

/* Bound to this driver, and nobody's. */
static bool is_idle(const struct pci_dev *pci)
{
	struct function *f;
	bool idle = false;

	mutex_lock(&functions_lock);
	list_for_each_entry(f, &functions, list)
		idle = idle || (f->pci == pci && !f->vm);
	mutex_unlock(&functions_lock);
	return idle;
}

/* A port's own services may share the line: what they wait for (errors, hotplug) can wait for the guest. */
bool function_line_is_shared(const struct function *f)
{
	struct pci_dev *other = NULL;

	for_each_pci_dev(other) {
		if (other == f->pci || other->irq != f->pci->irq || !other->driver || pci_is_bridge(other) ||
		    other->msi_enabled || other->msix_enabled || is_idle(other))
			continue;
		pci_warn(f->pci, "shares its interrupt line with %s, which a driver of the host's has\n", pci_name(other));
		pci_dev_put(other);
		return true;
	}
	return false;
}
